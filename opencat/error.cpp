// SPDX-License-Identifier: MIT
#include "opencat/error.hpp"

#include <array>
#include <cerrno>
#include <system_error>

namespace opencat {

const ErrorFacts& facts(ErrorKind kind) {
  static constexpr std::array<ErrorFacts, 18> table{{
      {1, 500, "INTERNAL_ERROR", "server_error"},                // failed
      {2, 400, "INVALID_REQUEST", "invalid_request_error"},      // usage
      {2, 400, "MODEL_NOT_FOUND", "invalid_request_error"},      // model_not_found
      {5, 401, "UNAUTHORIZED", "authentication_error"},          // unauthorized
      {5, 403, "TOKEN_DISABLED", "permission_error"},            // token_disabled
      {5, 403, "TOKEN_EXPIRED", "permission_error"},             // token_expired
      {5, 403, "MODEL_NOT_ALLOWED", "permission_error"},         // model_refused
      {1, 404, "NOT_FOUND", "not_found_error"},                  // not_found
      {1, 404, "TOKEN_NOT_FOUND", "not_found_error"},            // token_not_found
      {2, 409, "CONFLICT", "invalid_request_error"},             // conflict
      {2, 413, "INVALID_REQUEST", "invalid_request_error"},      // too_large
      {5, 429, "RATE_LIMITED", "rate_limit_exceeded"},           // rate_limited
      {5, 429, "QUOTA_EXCEEDED", "insufficient_quota"},          // quota_exceeded
      {3, 502, "UPSTREAM_ERROR", "upstream_error"},              // network
      {3, 504, "UPSTREAM_TIMEOUT", "upstream_error"},            // timeout
      {3, 503, "SERVICE_UNAVAILABLE", "service_unavailable"},    // unavailable
      {4, 500, "INTEGRITY_ERROR", "server_error"},               // integrity
      {130, 503, "SERVICE_UNAVAILABLE", "service_unavailable"},  // interrupted
  }};
  return table.at(static_cast<std::size_t>(kind));
}

Error::Error(ErrorKind kind, std::string message, std::string detail)
    : kind_(kind), message_(std::move(message)), detail_(std::move(detail)) {}

Error system_error(const std::string& message, ErrorKind kind) {
  const std::string reason = std::generic_category().message(errno);
  return Error(kind, message + ": " + reason, reason);
}

}  // namespace opencat
