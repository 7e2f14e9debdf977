// SPDX-License-Identifier: MIT
#pragma once

#include <stop_token>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "opencat/digest.hpp"
#include "opencat/http_client.hpp"

namespace opencat {

/// Throws what a status other than 2xx means to the person who asked for `what`: Error(unauthorized,
/// not_found, rate_limited or network). A message of the server's own ({"error":{"message"}}) becomes the
/// detail.
void expect_success(const HttpResponse& response, const std::string& what);

/// The JSON document at the URL. Throws Error(integrity) when the answer is none.
nlohmann::json get_json(HttpClient& client, const HttpRequest& request, const std::string& what,
                        std::stop_token stop);

/// The JSON of an answer that has come; throws as get_json().
nlohmann::json parse_json(const HttpResponse& response, const HttpRequest& request, const std::string& what);

/// What a download must prove to be.
struct ExpectedDigest {
  DigestKind kind;
  std::string text;  ///< SHA-256 in lower-case hex, SHA-512 in base64
};

}  // namespace opencat
