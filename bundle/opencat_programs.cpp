// SPDX-License-Identifier: MIT
#include "bundle/opencat_programs.hpp"

#include <string_view>

#include "opencat/digest.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t largest_program = 256u << 20;

std::string release_name(const Platform& platform) {
  return "opencat-" + platform.name() + (platform.is_windows() ? ".exe" : "");
}

/// How executables of the platform begin: PE, ELF and Mach-O of 64 bits.
std::string_view magic_of(const Platform& platform) {
  if (platform.is_windows()) return "MZ";
  return platform.os == "linux" ? "\x7f"
                                  "ELF"
                                : "\xcf\xfa\xed\xfe";
}

void check_sum(const fs::path& file, const std::string& bytes, const std::string& sums) {
  const std::string name = file.filename().string();
  const auto listed = parse_sha256_sums(sums);
  const auto sum = listed.find(name);
  if (sum == listed.end()) {
    throw Error(ErrorKind::integrity, (file.parent_path() / "SHA256SUMS").string() + " does not name " +
                                          name + "; take both from one release");
  }
  if (sum->second != sha256_hex(bytes)) {
    throw Error(ErrorKind::integrity,
                file.string() + " is not what SHA256SUMS beside it says; fetch it again");
  }
}

}  // namespace

std::map<std::string, std::string> read_opencat_programs(const fs::path& folder,
                                                         const std::vector<Platform>& platforms,
                                                         const std::function<void(const std::string&)>& say) {
  if (!fs::is_directory(folder)) {
    throw Error(
        ErrorKind::usage,
        "--with-opencat wants a folder with a release's executables; there is none at " + folder.string());
  }
  const auto sums = read_file_if_there(folder / "SHA256SUMS", 1u << 20);
  std::map<std::string, std::string> programs;
  for (const Platform& platform : platforms) {
    const fs::path file = folder / release_name(platform);
    auto bytes = read_file_if_there(file, largest_program);
    if (!bytes) {
      say("there is no " + file.string() + ": the bundle for " + platform.name() +
          " is made without opencat");
      continue;
    }
    if (sums) check_sum(file, *bytes, *sums);
    if (!bytes->starts_with(magic_of(platform))) {
      throw Error(ErrorKind::usage, file.string() + " is no program for " + platform.name());
    }
    programs.emplace(platform.name(), std::move(*bytes));
  }
  if (programs.empty()) {
    throw Error(ErrorKind::usage, folder.string() +
                                      " has an opencat for none of the platforms; a release names them " +
                                      "opencat-linux-x64, opencat-linux-arm64 and opencat-win-x64.exe");
  }
  if (!sums) say("there is no SHA256SUMS in " + folder.string() + ": opencat's executables are not checked");
  return programs;
}

}  // namespace opencat
