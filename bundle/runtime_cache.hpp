// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "bundle/node_source.hpp"
#include "opencat/clock.hpp"
#include "opencat/file.hpp"

namespace opencat {

/// A whole, verified Node runtime in the cache.
struct Runtime {
  Platform platform;
  Version version;
  std::string npm_version;
  std::filesystem::path path;  ///< the folder laid out as layout.hpp says
  std::string source;          ///< "dist" or "npm"
  std::string verified;        ///< what the download was proved with, a text of verified_by()
  std::string signed_by = {};  ///< whose signature proved it; empty: nobody's
  std::uint64_t bytes = 0;     ///< of all its files
  bool cached = true;          ///< false: it was fetched just now
};

/// Path below a runtime's folder → its SHA-256 in hex.
using FileSums = std::map<std::string, std::string>;

/// Folders of the cache that app.cpp fills: tarballs of packages, and what is unpacked of one for a run.
constexpr const char* cached_packages = "packages";
constexpr const char* app_scratch_prefix = "app-";

/// Runtimes on disk, in `folder`/node/VERSION/PLATFORM/:
///
///     node/          the runtime
///     SHA256SUMS     of every file in it, as sha256sum writes it
///     runtime.json   what is said in Runtime
///     packed-….zip   its files as a bundle needs them: see packed_runtime.hpp
///
/// Beside node/ are downloads/ (what has come of downloads that were interrupted), index/ (lists of
/// releases), packages/ (the tarballs of apps) and locks/. Such a folder appears in one rename when all in it
/// is verified; whatever else is there is no runtime. Several processes may use one cache.
class RuntimeCache {
 public:
  explicit RuntimeCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  const std::filesystem::path& folder() const { return folder_; }

  std::optional<Runtime> find(const Version& version, const Platform& platform) const;
  /// All, newest version first.
  std::vector<Runtime> list() const;

  FileSums sums(const Runtime& runtime) const;
  /// Hashes every file again; throws Error(integrity) that names the first which differs, is missing, or is
  /// too many.
  void verify(const Runtime& runtime, std::stop_token stop) const;
  void remove(const Runtime& runtime);
  /// Removes what was left half-made by processes that were killed, and what is kept of interrupted
  /// downloads; what a living process works on stays. Gives back how many runtimes were half-made.
  int remove_leftovers();

  /// The right to make that runtime, waited for while another process has it. Throws Error(interrupted).
  std::unique_ptr<FileLock> lock(const Version& version, const Platform& platform, Progress& progress,
                                 std::stop_token stop) const;

  /// Has `source` fetch the runtime, and takes it in. The lock must be held.
  Runtime add(NodeSource& source, const Version& version, const Platform& platform,
              const std::string& known_npm, Time now, Progress& progress, std::stop_token stop);

 private:
  std::filesystem::path lock_file(const std::string& version, const Platform& platform) const;
  /// Whether a living process holds the lock of the staging folder's runtime (its name without the prefix).
  bool is_being_made(const std::string& staging) const;
  std::filesystem::path runtime_folder(const Version& version, const Platform& platform) const;
  std::filesystem::path folder_;
};

}  // namespace opencat
