// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/http/message.hpp"

namespace opencat::http {

/// Which pages of other origins a browser lets use the API
/// (https://fetch.spec.whatwg.org/#http-cors-protocol): what takes a token, /v1/* and /api/tokens*, and never
/// the admin's. Tokens are sent in a header, so no cookie is ever allowed.
class CorsPolicy {
 public:
  CorsPolicy() = default;
  /// Origins as browsers send them ("https://app.example.com"), or "*" for all; none: no page may. Throws
  /// Error(usage) for what is no origin.
  explicit CorsPolicy(const std::vector<std::string>& origins);

  /// Adds what the answer to `request` needs.
  void add_headers(const Request& request, Headers& headers) const;
  /// The answer, if it is a preflight that is to be answered.
  std::optional<Response> preflight(const Request& request) const;

 private:
  /// The origin to be allowed, as the answer says it; nothing if there is none.
  const std::string* allowed_origin(const Request& request) const;

  std::vector<std::string> origins_;
  std::string any_;  ///< "*" when all are allowed
};

}  // namespace opencat::http
