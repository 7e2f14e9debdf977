// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "opencat/platform.hpp"
#include "opencat/random_access.hpp"

namespace opencat::routes {

/// A zip that anybody may have.
struct OfferedBundle {
  Platform platform;
  std::string name;                       ///< "opencat-portable-linux-x64.zip"
  std::string sha256;                     ///< of its bytes, lower-case hex
  std::shared_ptr<const InputFile> file;  ///< as it was when it was hashed, whatever becomes of its name
};

/// The zips of `opencat serve --bundles DIR`: of each platform the file that `opencat bundle` names after it,
/// and no other. Each is looked at before it is offered, and again whenever it changed, so that a new one
/// needs no restart.
///
/// Strangers download here, so a zip is not offered that holds a token (token.json), nor one that only its
/// owner may read: `opencat bundle` gives that mode to a zip with a secret in it, such as the enrolment key.
/// Why one is not offered is logged once.
///
/// Any thread may call this; a call may wait for the disk, and for a new file to be hashed.
class BundleShelf {
 public:
  using Log = std::function<void(const std::string&)>;

  /// Throws Error(usage) when there is no such folder.
  BundleShelf(std::filesystem::path folder, Log log);

  /// In the order of known_platforms().
  std::vector<OfferedBundle> all();
  /// Nothing: there is no such platform, or nothing for it.
  std::optional<OfferedBundle> find(const std::string& platform);

 private:
  /// What changes when a file does.
  using Stamp = std::vector<std::int64_t>;
  struct Looked {
    Stamp stamp;
    std::optional<OfferedBundle> offered;
  };
  std::optional<OfferedBundle> look(const Platform& platform);
  std::optional<OfferedBundle> judge(const Platform& platform, const std::filesystem::path& file);

  std::filesystem::path folder_;
  Log log_;
  std::mutex mutex_;
  std::map<std::string, Looked> looked_;  ///< by platform
};

}  // namespace opencat::routes
