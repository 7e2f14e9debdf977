// SPDX-License-Identifier: MIT
#include "bundle/runtime_cache.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "bundle/cache_lock.hpp"
#include "bundle/downloads.hpp"
#include "bundle/layout.hpp"
#include "opencat/archive_reader.hpp"
#include "opencat/digest.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

constexpr const char* staging_prefix = ".staging-";
constexpr const char* sums_file = "SHA256SUMS";
constexpr const char* record_file = "runtime.json";

void stop_if_asked(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted");
}

/// Every file below `folder`, hashed, and their size in all.
FileSums hash_files(const fs::path& folder, std::uint64_t& bytes, const std::stop_token& stop) {
  FileSums sums;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    stop_if_asked(stop);
    if (entry.is_directory() && !entry.is_symlink()) continue;
    const std::string path = entry.path().lexically_relative(folder).generic_string();
    if (!entry.is_regular_file() || entry.is_symlink()) {
      throw Error(ErrorKind::integrity, entry.path().string() + " is no plain file");
    }
    bytes += entry.file_size();
    sums[path] = sha256_file(entry.path());
  }
  return sums;
}

std::string sums_text(const FileSums& sums) {
  std::string text;
  for (const auto& [path, sum] : sums) text.append(sum).append("  ").append(path).append("\n");
  return text;
}

Json record_of(const Runtime& runtime, Time now) {
  return {{"format", 1},
          {"version", runtime.version.text()},
          {"platform", runtime.platform.name()},
          {"npm_version", runtime.npm_version},
          {"source", runtime.source},
          {"verified", runtime.verified},
          {"signed_by", runtime.signed_by},
          {"bytes", runtime.bytes},
          {"fetched_at", iso8601(now)}};
}

}  // namespace

fs::path RuntimeCache::runtime_folder(const Version& version, const Platform& platform) const {
  return folder_ / "node" / version.text() / platform.name();
}

std::optional<Runtime> RuntimeCache::find(const Version& version, const Platform& platform) const {
  const fs::path folder = runtime_folder(version, platform);
  const auto text = read_file_if_there(folder / record_file);
  if (!text) return std::nullopt;
  const Json record = Json::parse(*text, nullptr, false);
  try {
    Runtime runtime{platform,
                    version,
                    record.at("npm_version").get<std::string>(),
                    folder / "node",
                    record.at("source").get<std::string>(),
                    record.at("verified").get<std::string>(),
                    record.value("signed_by", ""),
                    record.at("bytes").get<std::uint64_t>()};
    const bool whole = record.at("format") == 1 && fs::exists(folder / sums_file) &&
                       fs::exists(runtime.path / layout::node_program(platform));
    return whole ? std::optional(runtime) : std::nullopt;
  } catch (const Json::exception&) {
    // A record that somebody damaged: as good as none, and fetched again.
    return std::nullopt;
  }
}

std::vector<Runtime> RuntimeCache::list() const {
  std::vector<Runtime> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_ / "node", ignored)) {
    const auto version = parse_version(entry.path().filename().string());
    if (!version) continue;
    for (const Platform& platform : known_platforms()) {
      if (auto runtime = find(*version, platform)) found.push_back(std::move(*runtime));
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Runtime& a, const Runtime& b) { return a.version > b.version; });
  return found;
}

FileSums RuntimeCache::sums(const Runtime& runtime) const {
  FileSums sums;
  for (const std::string& line : split(read_file(runtime.path.parent_path() / sums_file), '\n')) {
    if (line.size() > 66) sums[line.substr(66)] = line.substr(0, 64);
  }
  return sums;
}

void RuntimeCache::verify(const Runtime& runtime, std::stop_token stop) const {
  const auto refuse = [&](const char* before, const std::string& path, const char* after) {
    throw Error(ErrorKind::integrity, "the cached Node " + runtime.version.text() + " for " +
                                          runtime.platform.name() + " " + before + path + after +
                                          "; remove " + runtime.path.parent_path().string() +
                                          " or run opencat fetch --prune");
  };
  const FileSums expected = sums(runtime);
  std::uint64_t bytes = 0;
  const FileSums found = hash_files(runtime.path, bytes, stop);
  for (const auto& [path, sum] : found) {
    const auto known = expected.find(path);
    if (known == expected.end()) refuse("has a file too many: ", path, "");
    if (known->second != sum) refuse("is damaged: ", path, " differs");
  }
  for (const auto& [path, sum] : expected) {
    if (found.count(path) == 0) refuse("is damaged: ", path, " is missing");
  }
}

void RuntimeCache::remove(const Runtime& runtime) {
  // Out of the way in one step, so that a kill in the middle leaves no runtime with half of its files.
  const fs::path folder = runtime.path.parent_path();
  TemporaryFolder grave(folder_ / "node", staging_prefix);
  rename_file(folder, grave.path() / "removed");
  std::error_code not_empty;
  fs::remove(folder.parent_path(), not_empty);
}

bool RuntimeCache::is_being_made(const std::string& staging) const {
  for (const Platform& platform : known_platforms()) {
    const std::size_t end = staging.find("-" + platform.name() + "-");
    if (end == std::string::npos) continue;
    try {
      const FileLock free(lock_file(staging.substr(0, end), platform), FileLock::Wait::never, "busy");
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unavailable) throw;
      return true;
    }
  }
  return false;
}

int RuntimeCache::remove_leftovers() {
  Downloads::remove_leftovers(folder_ / "downloads");
  std::vector<fs::path> left;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_ / "node", ignored)) {
    const std::string name = entry.path().filename().string();
    const std::size_t prefix = std::string_view(staging_prefix).size();
    if (name.rfind(staging_prefix, 0) == 0 && !is_being_made(name.substr(prefix)))
      left.push_back(entry.path());
  }
  const int removed = static_cast<int>(left.size());
  const auto now = fs::file_time_type::clock::now();
  const auto older = [&](const fs::directory_entry& entry, std::chrono::hours age) {
    return entry.last_write_time(ignored) < now - age;
  };
  // Hidden files beside the lists of releases; one that is young may be being written.
  for (const auto& entry : fs::directory_iterator(folder_ / "index", ignored)) {
    const bool hidden = entry.path().filename().string()[0] == '.';
    if (hidden && older(entry, std::chrono::hours(1))) left.push_back(entry.path());
  }
  // Apps: a package's tarball bears the time of its last use; what was unpacked of one goes with its run.
  for (const auto& entry : fs::directory_iterator(folder_ / cached_packages, ignored)) {
    if (older(entry, std::chrono::days(30))) left.push_back(entry.path());
  }
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    const bool app = entry.path().filename().string().rfind(app_scratch_prefix, 0) == 0;
    if (app && older(entry, std::chrono::days(1))) left.push_back(entry.path());
  }
  for (const fs::path& path : left) fs::remove_all(path, ignored);
  return removed;
}

fs::path RuntimeCache::lock_file(const std::string& version, const Platform& platform) const {
  return folder_ / "locks" / (version + "-" + platform.name() + ".lock");
}

std::unique_ptr<FileLock> RuntimeCache::lock(const Version& version, const Platform& platform,
                                             Progress& progress, std::stop_token stop) const {
  make_folders(folder_, 0700);
  const std::string name = version.text() + "-" + platform.name();
  return wait_for_lock(lock_file(version.text(), platform), "Node " + name, progress, stop);
}

Runtime RuntimeCache::add(NodeSource& source, const Version& version, const Platform& platform,
                          const std::string& known_npm, Time now, Progress& progress, std::stop_token stop) {
  const std::string name = version.text() + "-" + platform.name();
  // The lock is held: whatever has this name was left by a process that was killed.
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_ / "node", ignored)) {
    if (entry.path().filename().string().rfind(staging_prefix + name + "-", 0) == 0)
      fs::remove_all(entry.path());
  }
  TemporaryFolder scratch(folder_ / "node", staging_prefix + name + "-scratch-");
  TemporaryFolder staging(folder_ / "node", staging_prefix + name + "-");
  const fs::path target = staging.path() / "node";
  make_folders(target);
  const FetchedRuntime fetched =
      source.fetch({version, platform, known_npm, target, scratch.path()}, progress, stop);
  for (const std::string& file : {layout::node_program(platform), layout::npm_program(platform)}) {
    if (fs::is_regular_file(target / file)) continue;
    throw Error(ErrorKind::integrity,
                "the runtime from " + source.address() + " lacks " + file + "; use another source");
  }
  Runtime runtime{
      platform,      version,          fetched.npm_version, runtime_folder(version, platform) / "node",
      source.name(), fetched.verified, fetched.signed_by};
  runtime.cached = false;
  const FileSums sums = hash_files(target, runtime.bytes, stop);
  write_file_atomically(staging.path() / sums_file, sums_text(sums), FileMode::plain);
  write_file_atomically(staging.path() / record_file, record_of(runtime, now).dump(2) + "\n",
                        FileMode::plain);
  // What is there is no runtime, or it would have been found.
  fs::remove_all(runtime_folder(version, platform));
  staging.keep_as(runtime_folder(version, platform));
  return runtime;
}

}  // namespace opencat
