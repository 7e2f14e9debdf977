// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "opencat/file_names.hpp"

namespace opencat {

/// How much an archive may unpack to; more is taken for a bomb.
struct ArchiveLimits {
  std::uint64_t max_entries = 100'000;
  std::uint64_t max_total_bytes = 2ull << 30;
  /// Unpacked bytes per byte of the archive, looked at from 64 MiB on. Node's own archives reach about 5.
  std::uint64_t max_ratio = 100;
};

/// Where an entry goes, below the target folder; nothing: it is left out. `name` has no "." and no last
/// slash.
using PlaceEntry = std::function<std::optional<std::string>(const std::string& name)>;

/// Unpacks a .tar.gz, .tar.xz or .zip into the folder, which must be there and empty. Files become 0644, or
/// 0755 when their owner may execute them; those that were their owner's alone stay so.
///
/// Throws Error(integrity), naming `title`, for bytes that are no such archive, are cut off, exceed the
/// limits, or hold an entry that is not one plain file or folder in one place below the folder: unsafe names
/// (file_names.hpp says which), names that collide, also where case does not count, devices, and links of
/// every kind unless `place` leaves them out: bundles have none. A zip's directory and its local headers must
/// say the same (zip_directory.hpp). What was unpacked until then stays: unpack into a TemporaryFolder.
void unpack_archive(const std::filesystem::path& archive, const std::filesystem::path& folder,
                    const std::string& title, const PlaceEntry& place = {}, const ArchiveLimits& limits = {},
                    std::stop_token stop = {});

/// Gives the next bytes of an archive: at most `size` into `buffer`, and how many; 0 at its end. Throwing
/// ends the unpacking, and the exception reaches the caller.
using ArchiveStream = std::function<std::size_t(char* buffer, std::size_t size)>;

/// The same for an archive that is unpacked while it comes: `stream` waits for what comes into `file`, from
/// its begin. A .zip's directory, which has the last word, is at its end: its files are unpacked as their
/// local headers tell, and should the directory say anything else of any, all are unpacked again.
void unpack_arriving_archive(const ArchiveStream& stream, const std::filesystem::path& file,
                             const std::filesystem::path& folder, const std::string& title,
                             const PlaceEntry& place = {}, const ArchiveLimits& limits = {},
                             std::stop_token stop = {});

}  // namespace opencat
