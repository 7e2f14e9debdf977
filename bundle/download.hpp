// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "opencat/digest.hpp"
#include "opencat/http_client.hpp"
#include "opencat/progress.hpp"

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

/// Downloads into `file`, hashing as the bytes arrive; nothing of them is parsed before they are proved.
/// Throws Error(integrity) when they are not what was promised. `task` names it to people.
void download_verified(HttpClient& client, const HttpRequest& request, const ExpectedDigest& expected,
                       const std::filesystem::path& file, const std::string& task, Progress& progress,
                       std::stop_token stop);

/// Downloads into `file` what nobody promised a digest of; the caller checks it.
void download(HttpClient& client, const HttpRequest& request, const std::filesystem::path& file,
              const std::string& task, Progress& progress, std::stop_token stop);

}  // namespace opencat
