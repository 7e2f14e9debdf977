// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "opencat/error.hpp"
#include "opencat/http_client.hpp"

namespace opencat::http {

using Headers = HttpHeaders;

/// One whole request, parsed.
struct Request {
  std::string id;      ///< X-Request-Id: the client's own if it was sane, else made here
  std::string method;  ///< "GET", …; HEAD arrives as it is and is answered like GET, without the body
  std::string path;    ///< percent-decoded, without the public URL's prefix
  std::vector<std::string> captures;  ///< what the route's groups matched in `path`
  std::vector<std::pair<std::string, std::string>> query;
  Headers headers;
  std::string body;
  std::string remote_ip;
  std::string token;        ///< the bearer token, set for routes with Access::token
  bool privileged = false;  ///< the caller showed the admin secret

  const std::string* header(std::string_view name) const { return find_header(headers, name); }
  const std::string* query_value(std::string_view name) const;
};

struct Response {
  int status = 200;
  Headers headers = {};
  std::string body = {};
  /// Of a streamed answer whose length is known before it begins (Exchange::begin()).
  std::optional<std::uint64_t> length = {};
};

Response json_response(int status, const nlohmann::json& document);

/// error_json() with the status of the error's kind, and Retry-After and
/// x-should-retry where they belong.
Response error_response(const Error& error);

/// "OK" for 200 and so on; "" for a status without a name.
std::string_view reason_phrase(int status);

}  // namespace opencat::http
