// SPDX-License-Identifier: MIT
#include "bundle/opencat_programs.hpp"

#include <sstream>

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

/// What sha256sum(1) has written for the name, in either of its modes; empty: it does not name it.
std::string listed_sum(const std::string& sums, const std::string& name) {
  std::istringstream lines(sums);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    constexpr std::size_t digits = 64;
    if (line.size() != digits + 2 + name.size() || line.compare(digits + 2, std::string::npos, name) != 0) {
      continue;
    }
    return line.substr(0, digits);
  }
  return {};
}

void check_sum(const fs::path& file, const std::string& bytes, const std::string& sums) {
  const std::string name = file.filename().string();
  const std::string listed = listed_sum(sums, name);
  if (listed.empty()) {
    throw Error(ErrorKind::integrity, (file.parent_path() / "SHA256SUMS").string() + " does not name " +
                                          name + "; take both from one release");
  }
  if (listed != sha256_hex(bytes)) {
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
    if (bytes->rfind(platform.is_windows()    ? "MZ"
                     : platform.os == "linux" ? "\x7f"
                                                "ELF"
                                              : "\xcf\xfa\xed\xfe",
                     0) != 0) {
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
