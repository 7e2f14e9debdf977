// SPDX-License-Identifier: MIT
#pragma once

#include <stop_token>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "bundle/npm_registry.hpp"

namespace opencat {

/// A package as a user names it: "cowsay", "cowsay@1.6.0", "@scope/x@^2", "openclaw@next".
struct NpmWish {
  std::string name;
  std::string wanted = "latest";  ///< a version, a tag or a range

  /// Throws Error(usage) for a text that names no package.
  static NpmWish parse(const std::string& text);
  std::string text() const { return name + "@" + wanted; }
};

/// What the wish means, in a package's document, as npm takes it: a version by its name, pre-releases
/// included; then a tag; then a range, of which it is the tag `latest` if that is within, else the highest
/// release, one that is not deprecated before all others. Throws Error(usage) when the package has no such
/// version, and says which it has.
NpmRelease choose_release(const nlohmann::json& document, const NpmWish& wish);

}  // namespace opencat
