// SPDX-License-Identifier: MIT
#include "opencat/platform.hpp"

#if !defined(_WIN32)
#include <sys/resource.h>
#endif

#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace fs = std::filesystem;

const std::vector<Platform>& known_platforms() {
  static const std::vector<Platform> platforms{{"win", "x64"},   {"darwin", "arm64"}, {"darwin", "x64"},
                                               {"linux", "x64"}, {"linux", "arm64"},  {"win", "arm64"}};
  return platforms;
}

const std::vector<Platform>& bundled_platforms() {
  static const std::vector<Platform> platforms(known_platforms().begin(), known_platforms().begin() + 5);
  return platforms;
}

Platform parse_platform(std::string_view name) {
  std::vector<std::string> names;
  for (const Platform& platform : known_platforms()) {
    if (platform.name() == name) return platform;
    names.push_back(platform.name());
  }
  throw Error(ErrorKind::usage,
              "unknown platform '" + std::string(name) + "'; use one of " + join(names, ", ") + ", or all");
}

Platform this_platform() {
#if defined(_WIN32)
  const char* os = "win";
#elif defined(__APPLE__)
  const char* os = "darwin";
#else
  const char* os = "linux";
#endif
#if defined(__aarch64__) || defined(_M_ARM64)
  const char* cpu = "arm64";
#else
  const char* cpu = "x64";
#endif
  return {os, cpu};
}

std::optional<fs::path> home_folder(const Environment& environment) {
  for (const char* name : {"HOME", "USERPROFILE"}) {
    if (const auto home = environment.get(name)) return fs::path(*home);
  }
  return std::nullopt;
}

namespace {

/// The first of the environment's folder and one below the home folder.
fs::path user_folder(const Environment& environment, const char* variable, const fs::path& below_home,
                     const char* flag) {
  if (const auto folder = environment.get(variable)) {
    // The XDG specification tells programs to ignore relative paths.
    if (fs::path(*folder).is_absolute()) return fs::path(*folder) / "opencat";
  }
  if (const auto home = home_folder(environment)) return *home / below_home / "opencat";
  throw Error(ErrorKind::usage, std::string("this user has no home folder; name a folder with ") + flag);
}

}  // namespace

fs::path cache_folder(const Environment& environment) {
#if defined(_WIN32)
  return user_folder(environment, "LOCALAPPDATA", "AppData/Local", "--cache-dir") / "cache";
#elif defined(__APPLE__)
  return user_folder(environment, "XDG_CACHE_HOME", "Library/Caches", "--cache-dir");
#else
  return user_folder(environment, "XDG_CACHE_HOME", ".cache", "--cache-dir");
#endif
}

fs::path data_folder(const Environment& environment) {
#if defined(_WIN32)
  return user_folder(environment, "LOCALAPPDATA", "AppData/Local", "--prefix");
#elif defined(__APPLE__)
  return user_folder(environment, "XDG_DATA_HOME", "Library/Application Support", "--prefix");
#else
  return user_folder(environment, "XDG_DATA_HOME", ".local/share", "--prefix");
#endif
}

void raise_open_file_limit() {
#if !defined(_WIN32)
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  // Refused, the old limit goes on: fewer connections, nothing worse.
  setrlimit(RLIMIT_NOFILE, &limit);
#endif
}

}  // namespace opencat
