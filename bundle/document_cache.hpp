// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "opencat/clock.hpp"
#include "opencat/http_client.hpp"

namespace opencat {

/// Lists of releases as a server last gave them: served for an hour without asking, then only fetched again
/// when they have changed (ETag or Last-Modified, RFC 9110, section 13). A file that is damaged, or of
/// another version of this program, is as good as none. Several processes and threads may use one folder.
class DocumentCache {
 public:
  DocumentCache(std::filesystem::path folder, Clock& clock) : folder_(std::move(folder)), clock_(clock) {}

  /// The JSON at the request's URL, of at most 128 MiB. Throws as get_json().
  nlohmann::json get(HttpClient& http, const HttpRequest& request, const std::string& what,
                     std::stop_token stop);

  /// Whether get() would answer without asking.
  bool is_fresh(const HttpRequest& request) const;

 private:
  struct Entry;
  std::filesystem::path file_of(const HttpRequest& request) const;
  Entry read(const HttpRequest& request) const;
  void write(const HttpRequest& request, const Entry& entry) const;

  std::filesystem::path folder_;
  Clock& clock_;
};

}  // namespace opencat
