// SPDX-License-Identifier: MIT
#pragma once

#include "bundle/zip_writer.hpp"

namespace opencat {

/// Adds the entries, packed in so many threads.
inline void add_all(ZipWriter& zip, const std::vector<ZipEntry>& entries, unsigned threads = 2) {
  pack_entries(entries, threads, {}, [&](const ZipEntry& entry, const PackedEntry& packed) {
    zip.add(entry.name, entry.mode, packed.packed);
  });
}

inline WrittenZip write_zip(const std::vector<ZipEntry>& entries, const std::filesystem::path& file,
                            unsigned threads = 2) {
  ZipWriter zip(file, {});
  add_all(zip, entries, threads);
  return zip.finish(0644);
}

}  // namespace opencat
