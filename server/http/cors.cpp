// SPDX-License-Identifier: MIT
#include "server/http/cors.hpp"

#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat::http {

namespace {

constexpr const char* exposed_headers =
    "x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests, x-request-id, "
    "x-protocol-version, x-should-retry, retry-after";
constexpr const char* preflight_lasts_s = "7200";  ///< Chromium's longest
constexpr std::size_t max_requested_headers = 2048;

bool is_shared_path(const std::string& path) {
  return path.starts_with("/v1/") || path == "/api/tokens" || path.starts_with("/api/tokens/");
}

}  // namespace

CorsPolicy::CorsPolicy(const std::vector<std::string>& origins) {
  for (const std::string& text : origins) {
    if (text == "*") {
      any_ = text;
      continue;
    }
    const std::string origin = lower(text);
    const std::size_t host = origin.starts_with("https://") ? 8 : origin.starts_with("http://") ? 7 : 0;
    if (host == 0 || host == origin.size() || origin.find_first_of("/?#@ ,*", host) != std::string::npos) {
      throw Error(ErrorKind::usage,
                  "--cors-origin wants an origin, as https://app.example.com, or *, not '" + text + "'");
    }
    origins_.push_back(origin);
  }
}

const std::string* CorsPolicy::allowed_origin(const Request& request) const {
  if ((origins_.empty() && any_.empty()) || !is_shared_path(request.path)) return nullptr;
  const std::string* origin = request.header("Origin");
  if (origin == nullptr) return nullptr;
  if (!any_.empty()) return &any_;
  return contains(origins_, *origin) ? origin : nullptr;
}

void CorsPolicy::add_headers(const Request& request, Headers& headers) const {
  // A cache must not give one origin's answer to another.
  if (any_.empty() && !origins_.empty() && is_shared_path(request.path))
    headers.emplace_back("Vary", "Origin");
  const std::string* origin = allowed_origin(request);
  if (origin == nullptr) return;
  headers.emplace_back("Access-Control-Allow-Origin", *origin);
  headers.emplace_back("Access-Control-Expose-Headers", exposed_headers);
}

std::optional<Response> CorsPolicy::preflight(const Request& request) const {
  if (request.method != "OPTIONS" || request.header("Access-Control-Request-Method") == nullptr ||
      allowed_origin(request) == nullptr)
    return std::nullopt;
  Response response{204};
  response.headers = {{"Access-Control-Allow-Methods", "GET, POST"},
                      {"Access-Control-Max-Age", preflight_lasts_s}};
  // OpenAI's and Anthropic's clients send headers of their own, more with each version.
  const std::string* wanted = request.header("Access-Control-Request-Headers");
  if (wanted != nullptr && wanted->size() <= max_requested_headers)
    response.headers.emplace_back("Access-Control-Allow-Headers", *wanted);
  return response;
}

}  // namespace opencat::http
