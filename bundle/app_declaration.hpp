// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace opencat {

/// What an app says of itself under "opencat" in its package.json:
///
///     { "start": ["main.mjs", "--flag"],
///       "name": {"en": "My App", "zh": "我的应用"},
///       "scripts": true,
///       "config": [ {"file": "~/.my-app/config.json", "merge": {"apiKey": "{{token}}"}} ] }
///
/// Each may be missing: then `start` is empty, the name is the package's, npm runs no install script of a
/// package on the user's PC, and nothing is configured. `config`
/// names JSON files below the user's home, into which templates/setup/app_config.mjs merges; in its texts
/// {{token}}, {{proxy_base_url}}, {{chat_url}} and {{server_url}} stand for what the PC was given.
// NOLINTNEXTLINE(bugprone-exception-escape): moving a json throws nothing, whatever clang-tidy 14 sees in it.
struct AppDeclaration {
  std::vector<std::string> start;           ///< a script below the package's folder, and its arguments
  std::map<std::string, std::string> name;  ///< by language: "en" and "zh"
  bool scripts = false;                     ///< whether npm may run install scripts on the user's PC
  nlohmann::json config = nlohmann::json::array();
};

/// The declaration in a parsed package.json. Throws Error(usage) that says where and what is wrong.
AppDeclaration read_declaration(const nlohmann::json& package, const std::string& where);

/// Puts the declaration that is built in for the package, if there is one, into a package.json without its
/// own.
void declare_known_app(nlohmann::json& package);

}  // namespace opencat
