// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

namespace opencat {

/// What stands in a prefix on a user's PC, and the names in it.
class Installed {
 public:
  explicit Installed(std::filesystem::path prefix) : prefix_(std::move(prefix)) {}

  const std::filesystem::path& prefix() const { return prefix_; }
  std::filesystem::path lock() const { return prefix_ / ".install.lock"; }
  std::filesystem::path versions() const { return prefix_ / "versions"; }
  /// What has come of a bundle that is downloaded.
  std::filesystem::path downloads() const { return prefix_ / "downloads"; }
  /// The log of setup.mjs, which the error of an installation that failed names.
  std::filesystem::path log() const { return prefix_ / "logs" / "install.log"; }
  static constexpr const char* staging_prefix = ".staging-";

  /// The version that the launcher starts: it is the switch, and nothing else says what is in use.
  std::optional<std::filesystem::path> current() const;
  /// The same; without a launcher, any version: it knows how to uninstall.
  std::optional<std::filesystem::path> current_or_any() const;

  /// Removes every version but `kept`, and what killed processes left. What cannot be removed is left for the
  /// next time: on Windows a program may still run from there.
  void remove_versions_but(const std::filesystem::path& kept) const;

  enum class Token { keep, remove };
  /// What is there to uninstall without a version, whose setup.mjs would know: the log and the download of an
  /// installation that failed, and what --keep-token left.
  std::vector<std::filesystem::path> leftovers(Token token) const;

  /// Removes those of its folders that are empty, with the lock and the prefix if nothing else is in there.
  void remove_empty_folders() const;

 private:
  std::optional<std::filesystem::path> version(bool any) const;
  std::vector<std::filesystem::path> listed_in_receipt() const;
  std::filesystem::path prefix_;
};

}  // namespace opencat
