// SPDX-License-Identifier: MIT
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace opencat {

/// A release's version, major.minor.patch (https://semver.org). Pre-releases are no versions here: nothing of
/// this project installs them.
struct Version {
  int major = 0;
  int minor = 0;
  int patch = 0;

  std::string text() const;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 that <=> is compared with for a pointer.
  auto operator<=>(const Version&) const = default;
};

/// "22.14.0" or "v22.14.0"; nothing for anything else.
std::optional<Version> parse_version(std::string_view text);

/// A range in npm's notation: "22", "22.14", "22.x", "^22.3", "~22.3.1", ">=20.5.0 <23", "18 || >=20", "18.17
/// - 20".
class VersionRange {
 public:
  /// Nothing when the text is no range.
  static std::optional<VersionRange> parse(std::string_view text);
  bool contains(const Version& version) const;

 private:
  /// from <= version < below
  struct Span {
    Version from;
    Version below;
  };
  static std::optional<Span> parse_comparator(std::string_view text);
  static std::optional<Span> parse_hyphen(std::string_view from, std::string_view to);
  static std::optional<Span> parse_all_of(std::string_view text);
  std::vector<Span> any_of_;
};

}  // namespace opencat
