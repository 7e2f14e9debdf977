// SPDX-License-Identifier: MIT
#include "bundle/npm_package.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat {

using Json = nlohmann::json;

namespace {

/// As npm's rules for names have it (https://docs.npmjs.com/cli/configuring-npm/package-json#name), and
/// capitals, which old packages have. It becomes part of URLs and paths.
bool is_name_part(std::string_view part) {
  return !part.empty() && part.front() != '.' && part.front() != '_' &&
         part.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~") ==
             part.npos;
}

bool is_package_name(const std::string& name) {
  if (name.size() > 214) return false;
  if (name.empty() || name.front() != '@') return is_name_part(name);
  const std::size_t slash = name.find('/');
  return slash != std::string::npos && is_name_part(std::string_view(name).substr(1, slash - 1)) &&
         is_name_part(std::string_view(name).substr(slash + 1));
}

/// Major, minor, patch and an optional pre-release (https://semver.org); it becomes part of paths.
bool is_version(const std::string& text) {
  const std::size_t end = std::min(text.find_first_of("-+"), text.size());
  return parse_version(text.substr(0, end)) && std::isdigit(static_cast<unsigned char>(text.front())) != 0 &&
         text.size() <= 128 &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.+") ==
             text.npos;
}

std::string text_of(const Json& object, const char* name) {
  if (!object.is_object()) return {};
  const Json value = object.value(name, Json());
  return value.is_string() ? value.get<std::string>() : std::string();
}

/// The version that a range means; empty: none.
std::string in_range(const Json& versions, const VersionRange& range, const std::string& latest) {
  if (const auto version = parse_version(latest); version && range.contains(*version)) return latest;
  std::optional<Version> best;
  bool best_is_deprecated = true;
  for (const auto& [text, described] : versions.items()) {
    const auto version = parse_version(text);
    if (!version || !range.contains(*version)) continue;
    const bool deprecated = described.is_object() && described.contains("deprecated");
    const bool better = best_is_deprecated == deprecated ? !best || *version > *best : best_is_deprecated;
    if (!better) continue;
    best = version;
    best_is_deprecated = deprecated;
  }
  return best ? best->text() : std::string();
}

}  // namespace

NpmWish NpmWish::parse(const std::string& text) {
  NpmWish wish;
  const std::size_t at = text.find('@', 1);
  wish.name = text.substr(0, at);
  if (at != std::string::npos) wish.wanted = trim(text.substr(at + 1));
  if (wish.wanted.empty()) wish.wanted = "latest";
  if (!is_package_name(wish.name)) {
    throw Error(ErrorKind::usage, "'" + printable(text) +
                                      "' names no npm package, which looks like cowsay, cowsay@1.6.0 or "
                                      "@scope/name@^2");
  }
  return wish;
}

NpmRelease choose_release(const Json& document, const NpmWish& wish) {
  const Json versions = document.is_object() ? document.value("versions", Json()) : Json();
  if (!versions.is_object() || versions.empty()) {
    throw Error(ErrorKind::usage, "the npm registry has no version of " + wish.name);
  }
  const Json tags = document.value("dist-tags", Json::object());
  const std::string latest = text_of(tags, "latest");
  std::string chosen = versions.contains(wish.wanted) ? wish.wanted : text_of(tags, wish.wanted.c_str());
  if (chosen.empty()) {
    const auto range = VersionRange::parse(wish.wanted);
    if (range) chosen = in_range(versions, *range, latest);
  }
  if (chosen.empty() || !versions.contains(chosen)) {
    throw Error(ErrorKind::usage, "the npm registry has no " + printable(wish.text()) +
                                      (latest.empty() ? "" : "; the latest is " + printable(latest)));
  }
  if (!is_version(chosen)) {
    throw Error(ErrorKind::integrity, "the npm registry calls a version of " + wish.name + " '" +
                                          printable(chosen) + "', which is none");
  }
  return release_of(versions.at(chosen), wish.name, chosen);
}

}  // namespace opencat
