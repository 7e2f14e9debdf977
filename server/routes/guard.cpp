// SPDX-License-Identifier: MIT
#include "server/routes/guard.hpp"

#include <optional>

#include "opencat/digest.hpp"
#include "opencat/error.hpp"
#include "opencat/text.hpp"
#include "server/domain/address.hpp"
#include "server/domain/token.hpp"

namespace opencat::routes {

namespace {

constexpr std::size_t failures_per_minute = 10;
/// Addresses that are remembered for it.
constexpr std::size_t max_addresses = 100'000;

std::optional<std::string> bearer(const http::Request& request) {
  const std::string* header = request.header("Authorization");
  if (header == nullptr) return std::nullopt;
  const std::string_view value = trim(*header);
  if (lower(value.substr(0, 7)) != "bearer ") return std::nullopt;
  return std::string(trim(value.substr(7)));
}

/// The token of "Authorization: Bearer …", else of Anthropic's x-api-key, else of ?token=; "" when there is
/// none.
std::string presented_token(const http::Request& request) {
  if (auto token = bearer(request)) return *token;
  if (const std::string* header = request.header("x-api-key")) return std::string(trim(*header));
  const std::string* query = request.query_value("token");
  return query == nullptr ? std::string() : *query;
}

}  // namespace

AccessGuard::AccessGuard(GuardOptions options, const EnrollmentKeys& keys, Clock& clock)
    : options_(std::move(options)),
      keys_(keys),
      clock_(clock),
      failures_(failures_per_minute, std::chrono::minutes(1), max_addresses) {}

void AccessGuard::check(http::Access access, http::Request& request) {
  switch (access) {
    case http::Access::anyone:
      return;
    case http::Access::token:
      return check_token(request);
    case http::Access::enrolment:
      return check_enrollment(request);
    case http::Access::admin:
      return check_admin(request);
  }
}

void AccessGuard::check_token(http::Request& request) const {
  request.token = presented_token(request);
  if (request.token.empty()) {
    throw Error(ErrorKind::unauthorized, "send your token as 'Authorization: Bearer occ_…'");
  }
  // A text of another form cannot be a token: the store need not be asked.
  if (!is_token(request.token)) throw Error(ErrorKind::unauthorized, "this token is not known here");
}

/// Either header will do; the one of its own goes first, for a proxy may have put something into the other.
void AccessGuard::check_admin(http::Request& request) {
  if (shows_admin_secret(request)) return;
  const auto secret = bearer(request);
  if (!secret) refuse(request, "send the admin secret in X-Admin-Secret, or as 'Authorization: Bearer …'");
  check_secret(request, *secret);
}

bool AccessGuard::shows_admin_secret(http::Request& request) {
  const std::string* secret = request.header("X-Admin-Secret");
  if (secret == nullptr) return false;
  check_secret(request, *secret);
  return true;
}

void AccessGuard::check_secret(http::Request& request, const std::string& secret) {
  if (!equal_in_constant_time(secret, options_.admin_secret)) refuse(request, "the admin secret is wrong");
  request.privileged = true;
}

void AccessGuard::check_enrollment(http::Request& request) {
  if (shows_admin_secret(request) || options_.mode == EnrollmentMode::open) return;
  if (options_.mode == EnrollmentMode::closed) {
    throw Error(ErrorKind::unauthorized, "tokens are issued by the operator only; ask for one");
  }
  const std::string* key = request.header("X-Enroll-Key");
  if (key == nullptr) key = request.header("X-Build-Secret");
  if (key == nullptr)
    refuse(request, "an enrolment key is needed in X-Enroll-Key; a bundle of the operator's carries it");
  if (!keys_.knows(*key)) {
    refuse(request, "the enrolment key is wrong; ask the operator for a new bundle");
  }
}

void AccessGuard::refuse(const http::Request& request, const std::string& message) {
  const std::lock_guard lock(mutex_);
  const auto wait = failures_.take(address_key(request.remote_ip), clock_.now());
  if (wait.count() > 0) {
    Error error(ErrorKind::rate_limited, "too many wrong secrets from this address; wait a minute");
    error.retry_after_s = static_cast<int>(wait.count());
    throw error;
  }
  throw Error(ErrorKind::unauthorized, message);
}

}  // namespace opencat::routes
