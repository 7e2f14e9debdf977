// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>

#include "bundle/node_release.hpp"

namespace opencat {

/// Which Node an app's folder asks for: the first of .nvmrc, .node-version and package.json's "engines.node"
/// that says so. The two files hold one word or range, comments after # (nvm's rule). Throws Error(usage),
/// naming the file, when it says something that is no version, and when none of them says anything.
NodeWish node_wish_of(const std::filesystem::path& folder);

/// The wish of a package.json's "engines.node", of which a wide range prefers an LTS. Throws Error(usage)
/// when it has none; `name` is the file's in messages.
NodeWish node_wish_of_package(const std::string& package_json, const std::string& name);

}  // namespace opencat
