// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "opencat/environment.hpp"

namespace opencat {

/// What the user's npm is configured for, as far as fetching packages needs it.
struct NpmConfig {
  std::string registry;  ///< without its last slash
  std::string origin;    ///< where the registry was found, for people
  std::string ca_file;   ///< `cafile`; empty: the system's
  /// `https-proxy`, else `proxy`; empty: what the environment says. It may hold a password.
  std::string proxy;
  std::string no_proxy;  ///< `noproxy`; empty: what the environment says
  /// Where `strict-ssl=false` was found, to be told that it is not followed; empty: nowhere.
  std::string unchecked_tls_wanted_by;
  std::map<std::string, std::string> scopes;  ///< "@scope" → its registry, without its last slash
  /// "//host/path/:_authToken", ":_auth", and ":username" with ":_password", as "//host/path/" → the
  /// Authorization header's value.
  std::map<std::string, std::string> authorizations;

  /// The registry of the package's scope, else the common one.
  const std::string& registry_of(const std::string& package) const;

  /// The Authorization header for the URL: that of the longest configured address which it is under. Empty:
  /// none.
  std::string authorization_for(const std::string& url) const;
};

/// Asks npm itself for a configuration value; nothing when there is no npm.
using AskNpm = std::function<std::optional<std::string>(const std::string& key)>;

/// Reads the configuration as npm does: environment, the project's .npmrc (in `folder`), the user's, the
/// global one, each winning over those behind it; a registry named by `registry_flag` wins over all. npm's
/// own default is known to npm alone and asked of it last. `strict-ssl=false` is not followed: checks are
/// never weakened. Throws Error(usage), saying what to set, when no registry can be found.
NpmConfig load_npm_config(const Environment& environment, const std::filesystem::path& folder,
                          const std::string& registry_flag, const AskNpm& ask_npm);

/// The environment in which an npm that runs in another folder finds what the project's .npmrc says: a file
/// with secrets need not be copied there, nor can it end up in a bundle.
Environment npm_environment(const Environment& environment, const std::filesystem::path& folder);

/// The lines of an .npmrc (as `npm help npmrc` describes them), ${VARIABLES} put in.
std::map<std::string, std::string> parse_npmrc(const std::string& text, const Environment& environment);

/// The first executable file of that name on the environment's PATH.
std::optional<std::filesystem::path> find_on_path(const Environment& environment, const std::string& program);

}  // namespace opencat
