// SPDX-License-Identifier: MIT
#include "server/routes/guard.hpp"

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

/// The token of "Authorization: Bearer …", else of Anthropic's x-api-key, else of ?token=; "" when there is
/// none.
std::string presented_token(const http::Request& request) {
  if (const std::string* header = request.header("Authorization")) {
    const std::string_view value = trim(*header);
    if (lower(value.substr(0, 7)) == "bearer ") return std::string(trim(value.substr(7)));
  }
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
      if (!shows_admin_secret(request)) refuse(request, "send the admin secret in X-Admin-Secret");
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

bool AccessGuard::shows_admin_secret(http::Request& request) {
  const std::string* secret = request.header("X-Admin-Secret");
  if (secret == nullptr) return false;
  if (!equal_in_constant_time(*secret, options_.admin_secret)) refuse(request, "the admin secret is wrong");
  request.privileged = true;
  return true;
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
