// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "bundle/node_source.hpp"
#include "bundle/npm_package.hpp"
#include "bundle/zip_entry.hpp"

namespace opencat {

/// The application that a bundle brings. Its folder has a package.json and, where that names dependencies, a
/// lock file (bundle/dependencies.hpp makes one), so that npm gives every PC the same.
// NOLINTNEXTLINE(bugprone-exception-escape): moving a json throws nothing, whatever clang-tidy 14 sees in it.
struct App {
  std::string name;
  std::string version;
  std::filesystem::path folder;              ///< empty: it is not in one
  std::string package_json;                  ///< the text of the one among `files`
  std::vector<std::string> start;            ///< its script, below the app's folder, and arguments
  std::map<std::string, std::string> title;  ///< by language: "en", "zh"
  bool scripts = false;                      ///< as in AppDeclaration
  nlohmann::json config;                     ///< as in AppDeclaration
  std::string engines_node;                  ///< the range of Node versions it accepts; empty: any
  bool has_dependencies = false;             ///< whether its package.json names any to install
  std::vector<ZipEntry> files;               ///< named below the app's folder
  /// Tarballs that the lock names as "file:…": of use to npm alone, and not when the zip brings node_modules.
  std::vector<ZipEntry> tarballs;
};

/// The terminal chat app that is built in.
App built_in_app();

/// The app in a folder, as its package.json declares it (bundle/app_declaration.hpp); without a declaration
/// it starts `main`. Left out are node_modules, .git and .npmrc, which may hold secrets. Throws Error(usage)
/// saying what is wrong with it.
App app_in_folder(const std::filesystem::path& folder);

/// An npm package as an app: its folder has a package.json of our own, whose one dependency is the package,
/// as its verified tarball beside it. So npm treats it as it treats every dependency (what it bundles stays,
/// its devDependencies and scripts do not count), and a PC needs no right to the registry that it came from.
/// It starts what it declares, else what is built in for it (bundle/data/apps), else its command of its own
/// name or its only one, else `main`.
///
/// Throws Error(usage) when there is no such package or nothing to start, Error(integrity) when its tarball
/// is not what the registry promised or holds what could write elsewhere. The tarball stays in
/// `cache_folder`/packages under its digest, and is not fetched again.
App app_of_package(NpmRegistry& registry, const NpmWish& wish, Signatures signatures,
                   const std::filesystem::path& cache_folder, Progress& progress, std::stop_token stop);

}  // namespace opencat
