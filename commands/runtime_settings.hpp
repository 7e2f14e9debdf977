// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "bundle/runtime_cache.hpp"
#include "bundle/runtime_fetcher.hpp"
#include "commands/command.hpp"

namespace opencat {

/// What `fetch` and `bundle` let a user say about Node runtimes.
struct RuntimeSettings {
  std::vector<std::string> platforms;
  std::string node_version = "lts";
  std::vector<std::string> mirrors;
  std::string source = "auto";
  std::string npm_registry;
  std::filesystem::path cache_dir;
  bool offline = false;
  bool require_signature = false;
  bool allow_http = false;
  std::filesystem::path keyring;
  std::vector<std::string> trusted_keys;
  std::filesystem::path ca_file;
  std::int64_t retries = 3;
  std::int64_t stall_timeout_s = 30;

  void declare(Settings& settings);

  /// What --node-version says; for `auto`, what the app in `folder` asks for, or, if that is
  /// empty, its package.json. Says what that is.
  NodeWish chosen_wish(const Context& context, const std::filesystem::path& folder,
                       const std::string& package_json = {}) const;
  /// This machine's when none was named; throws Error(usage) for a name that is none.
  std::vector<Platform> chosen_platforms() const;
  std::filesystem::path chosen_cache(const Context& context) const;
  std::vector<std::string> chosen_mirrors() const;
  ReleaseKeySources release_keys(const Context& context) const;
  HttpClientOptions http(const Context& context) const;
  /// In the order in which they are to be asked. What it gives back refers to `context` and this.
  FetchPlan plan(const Context& context) const;
};

/// The HTTP client's options that every command shares; the CA file comes from SSL_CERT_FILE or
/// CURL_CA_BUNDLE.
HttpClientOptions http_options(const Context& context);

/// The user's npm configuration; `registry_flag` wins over what it says.
NpmConfig npm_config(const Context& context, const std::string& registry_flag);

/// {"platform","version","npm_version","path","source","verified","signed_by","cached","bytes"}
nlohmann::json runtime_json(const Runtime& runtime);

/// Columns of text, as wide as their widest cell.
std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace opencat
