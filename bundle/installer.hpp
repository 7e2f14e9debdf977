// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "opencat/environment.hpp"
#include "opencat/http_client.hpp"
#include "opencat/process.hpp"
#include "opencat/progress.hpp"

namespace opencat {

struct InstallRequest {
  std::string bundle;            ///< a zip, an unpacked folder, or the URL of a zip
  std::filesystem::path prefix;  ///< absolute
  /// Passed on to setup.mjs: --no-shortcut, --no-browser, --yes, …
  std::vector<std::string> setup_options;
  bool json = false;  ///< setup.mjs answers with a document instead of talking
};

struct InstallResult {
  std::filesystem::path folder;  ///< the version's
  nlohmann::json setup;          ///< setup.mjs's document; null unless it was asked for
};

/// Puts bundles in place on a user's PC:
///
///     prefix/versions/VERSION-DIGEST/   the unpacked bundle
///     prefix/…                          what setup.mjs makes, with --home prefix
///
/// setup.mjs writes the launcher last, in one rename: that is the switch from one version to the next.
/// Whatever fails before it leaves the version before untouched, and removes the new one. Of a first one that
/// fails only prefix/logs/install.log stays, which the error names; of one that is interrupted, nothing.
class Installer {
 public:
  Installer(const Environment& environment, HttpClientOptions http, Progress& progress)
      : environment_(environment), http_(std::move(http)), progress_(progress) {}

  /// Throws Error(integrity) for a bundle that is not as its bundle.json says, Error(usage) for one of
  /// another platform, Error(unavailable) when another process installs there, and what setup.mjs's exit code
  /// means.
  InstallResult install(const InstallRequest& request, std::stop_token stop);

  /// Has setup.mjs remove what it recorded, then removes the versions. `setup_options`: --keep-token. Without
  /// a version, removes what an earlier --keep-token and a failed installation left; throws Error(usage) when
  /// there is nothing at all.
  void uninstall(const std::filesystem::path& prefix, const std::vector<std::string>& setup_options,
                 bool json, std::stop_token stop);

 private:
  void unpack(const std::string& bundle, const std::filesystem::path& target,
              const std::filesystem::path& scratch, std::stop_token stop);
  InstallResult install_locked(const InstallRequest& request, const std::filesystem::path& versions,
                               std::stop_token stop);
  /// Has the setup.mjs of a first installation that failed remove what it made so far.
  void take_back(const std::filesystem::path& folder, const std::filesystem::path& prefix, bool had_data);
  ProcessRequest setup_request(const std::filesystem::path& folder, const std::filesystem::path& prefix,
                               const std::vector<std::string>& options) const;
  nlohmann::json run_setup(const std::filesystem::path& folder, const std::filesystem::path& prefix,
                           const std::vector<std::string>& options, bool json, std::stop_token stop);

  const Environment& environment_;
  HttpClientOptions http_;
  Progress& progress_;
};

/// Checks an unpacked bundle against its bundle.json, which is given back: its format, its platform, and
/// every file's SHA-256; a file that is not listed is refused. Throws Error(integrity), Error(usage) for
/// another platform.
nlohmann::json check_bundle(const std::filesystem::path& folder, std::stop_token stop);

}  // namespace opencat
