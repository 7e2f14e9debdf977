// SPDX-License-Identifier: MIT
#include "bundle/bundle_content.hpp"

#include <algorithm>

#include "bundle/layout.hpp"
#include "opencat/assets.hpp"
#include "opencat/error.hpp"
#include "opencat/file_names.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace {

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// Whether a template serves the platform: each has doors of its own, and the rest is for all. Dot files are
/// the repository's, not the user's.
bool serves(std::string_view name, const Platform& platform) {
  if (name.substr(name.rfind('/') + 1).front() == '.') return false;
  if (ends_with(name, ".bat")) return platform.is_windows();
  if (ends_with(name, ".sh")) return !platform.is_windows();
  if (ends_with(name, ".command")) return platform.os == "darwin";
  return true;
}

std::string replaced(std::string text, const std::string& word, const std::string& value) {
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += value.size()) {
    text.replace(at, word.size(), value);
  }
  return text;
}

/// The install scripts, setup.mjs and what goes with them.
std::vector<ZipEntry> door(const Platform& platform, const BundlePlan& plan) {
  const std::string prefix = "templates/";
  std::vector<ZipEntry> entries;
  for (const Asset& file : assets_under(prefix)) {
    const std::string name(file.name.substr(prefix.size()));
    if (name.rfind("app/", 0) == 0 || !serves(name, platform)) continue;
    std::string bytes(file.bytes);
    if (name == "README.txt") {
      bytes = replaced(std::move(bytes), "{{server_url}}", plan.server_url);
      bytes = replaced(std::move(bytes), "{{title}}", plan.app.title.at("en"));
      bytes = replaced(std::move(bytes), "{{title_zh}}", plan.app.title.at("zh"));
    }
    const bool executable = ends_with(name, ".sh") || ends_with(name, ".command");
    entries.push_back({name, executable ? 0755u : 0644u, std::move(bytes)});
  }
  return entries;
}

/// In UTF-16 units, as Windows counts: one per character of UTF-8, two for one of four bytes.
std::size_t windows_length(std::string_view name) {
  std::size_t length = 0;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0) != 0x80) length += byte >= 0xf0 ? 2 : 1;
  }
  return length;
}

}  // namespace

std::vector<ZipEntry> bundle_content(const BundlePlan& plan, const Platform& platform,
                                     const std::filesystem::path& scratch, const std::stop_token& stop) {
  std::vector<ZipEntry> entries = door(platform, plan);
  const auto add_below = [&](const std::string& folder, std::vector<ZipEntry> files) {
    for (ZipEntry& file : files) {
      file.name = folder + "/" + file.name;
      entries.push_back(std::move(file));
    }
  };
  add_below(layout::app_folder, plan.app.files);
  if (!plan.bundled_dependencies) {
    add_below(layout::app_folder, plan.app.tarballs);
  } else if (plan.dependencies) {
    add_below(layout::app_folder, plan.dependencies(platform, scratch, stop));
  }
  if (const auto program = plan.opencat_programs.find(platform.name());
      program != plan.opencat_programs.end()) {
    entries.push_back({layout::opencat_program(platform), 0755u, program->second});
  }
  std::sort(entries.begin(), entries.end(),
            [](const ZipEntry& a, const ZipEntry& b) { return a.name < b.name; });
  return entries;
}

void check_names(const std::vector<std::string>& names, const Platform& platform) {
  TakenNames taken;
  for (const std::string& name : names) {
    const bool has_wildcard = name.find_first_of("<>\"|?*") != std::string::npos;
    if (!is_safe_relative_path(name) || (platform.is_windows() && has_wildcard)) {
      throw Error(ErrorKind::usage, "a bundle for " + platform.name() + " cannot hold '" + printable(name) +
                                        "': not every system can have a file of that name; rename it");
    }
    if (const auto twin = taken.take_file(name)) {
      throw Error(ErrorKind::usage, "a bundle cannot hold both '" + printable(*twin) + "' and '" +
                                        printable(name) +
                                        "': Windows and macOS take them for one; rename one");
    }
  }
}

std::optional<std::string> too_long_for_windows(const std::vector<std::string>& names) {
  // A program that does not ask for more may use 260 units with the NUL at the end
  // (https://learn.microsoft.com/en-us/windows/win32/fileio/maximum-file-path-limitation). A browser saves to
  // Downloads, and Explorer unpacks into a folder of the zip's name; user names of Windows have 20 characters
  // at most (https://learn.microsoft.com/en-us/windows/win32/api/lmaccess/ns-lmaccess-user_info_1).
  constexpr std::size_t limit = 259;
  constexpr std::string_view before =
      "C:\\Users\\12345678901234567890\\Downloads\\opencat-portable-win-arm64\\opencat-portable\\";
  const std::string* longest = nullptr;
  for (const std::string& name : names) {
    if (longest == nullptr || windows_length(name) > windows_length(*longest)) longest = &name;
  }
  if (longest == nullptr || before.size() + windows_length(*longest) <= limit) return std::nullopt;
  return *longest;
}

}  // namespace opencat
