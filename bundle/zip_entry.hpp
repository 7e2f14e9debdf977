// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "bundle/deflate.hpp"

namespace opencat {

/// A file that is to stand in a zip.
struct ZipEntry {
  std::string name;  ///< with forward slashes
  unsigned mode = 0644;
  /// A file on disk, read when it is packed; or the bytes themselves.
  std::variant<std::filesystem::path, std::string> content;
};

/// How many bytes it has; throws Error(failed) when its file is not there.
std::uint64_t size_of(const ZipEntry& entry);

/// The same, packed.
struct PackedEntry {
  Packed packed;
  std::string sha256;  ///< of the unpacked bytes, in lower-case hex; of those that were packed
};

/// Packs the entries in `threads` (0: as many as the machine runs) and hands each to `take`, in the calling
/// thread, in their order. Beside the largest entry no more than some 16 MB are in memory. Throws what `take`
/// throws, Error(failed) for a file that cannot be read, Error(interrupted).
void pack_entries(const std::vector<ZipEntry>& entries, unsigned threads, const std::stop_token& stop,
                  const std::function<void(const ZipEntry& entry, PackedEntry packed)>& take);

}  // namespace opencat
