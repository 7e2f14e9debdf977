// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "bundle/bundle_source.hpp"
#include "bundle/installed.hpp"
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

struct UninstallResult {
  bool was_installed;  ///< a version was there, and its setup.mjs told the rest
  /// What was removed instead: of an installation that failed, or what --keep-token had left.
  std::vector<std::filesystem::path> leftovers;
};

/// Puts bundles in place on a user's PC:
///
///     prefix/versions/VERSION-DIGEST/   the unpacked bundle
///     prefix/downloads/                 what has come of a zip that is being downloaded
///     prefix/…                          what setup.mjs makes, with --home prefix
///
/// A file that the version before has in the same content is not unpacked again but linked to: mostly that is
/// all of the runtime. setup.mjs writes the launcher last, in one rename: that is the switch from one version
/// to the next. Whatever fails before it leaves the version before untouched, and removes the new one. Of a
/// first one that fails only prefix/logs/install.log stays, which the error names, and what was downloaded,
/// with which the next try goes on; of one that is interrupted, only the latter.
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
  UninstallResult uninstall(const std::filesystem::path& prefix,
                            const std::vector<std::string>& setup_options, bool json, std::stop_token stop);

 private:
  InstallResult install_locked(const InstallRequest& request, const Installed& installed,
                               std::stop_token stop);
  /// The version folder, verified: the one that is there already, or a new one.
  std::filesystem::path place(const std::string& bundle, const Installed& installed, std::stop_token stop);
  std::filesystem::path stage(BundleSource& source, const nlohmann::json& bundle, const std::string& name,
                              const Installed& installed, std::stop_token stop);
  /// Has the setup.mjs of a first installation that failed remove what it made so far.
  void take_back(const std::filesystem::path& folder, const Installed& installed, bool had_data);
  ProcessRequest setup_request(const std::filesystem::path& folder, const std::filesystem::path& prefix,
                               const std::vector<std::string>& options) const;
  nlohmann::json run_setup(const std::filesystem::path& folder, const Installed& installed,
                           const std::vector<std::string>& options, bool json, std::stop_token stop);

  const Environment& environment_;
  HttpClientOptions http_;
  Progress& progress_;
};

}  // namespace opencat
