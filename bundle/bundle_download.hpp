// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>

#include "opencat/http_client.hpp"
#include "opencat/progress.hpp"

namespace opencat {

/// A bundle's zip that is downloaded. What has come stays in `folder`, under a name made of the URL, until
/// remove(): the next try goes on behind it, where the server can tell that it is still the same zip. Nobody
/// promised its digest; its own bundle.json proves it, once it is here. One process at a time.
class BundleDownload {
 public:
  BundleDownload(std::filesystem::path folder, std::string url);

  /// The whole zip. Throws as HttpClient and expect_success().
  std::filesystem::path fetch(HttpClient& http, Progress& progress, const std::stop_token& stop);
  void remove() const;

 private:
  std::filesystem::path folder_;
  std::string url_;
};

}  // namespace opencat
