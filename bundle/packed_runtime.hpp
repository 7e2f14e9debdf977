// SPDX-License-Identifier: MIT
#pragma once

#include <stop_token>
#include <vector>

#include "bundle/runtime_cache.hpp"
#include "opencat/random_access.hpp"
#include "opencat/zip_directory.hpp"

namespace opencat {

/// A runtime's files as they stand in a zip, named below its folder. Deflating a Node takes seconds, copying
/// what was deflated a twentieth of one, so it is done once and kept beside the runtime:
///
///     packed-DEFLATER-CONTENT-SHA256.zip   CONTENT is of the runtime's SHA256SUMS, SHA256 of the zip itself
///
/// It is made when a bundle first needs it, from files that are hashed while they are packed, and hashed
/// again whenever it is used: one that is damaged, or packed by another release of the deflater, is made
/// anew. Several processes may want it at once: one of them makes it.
struct PackedRuntime {
  InputFile zip;
  std::vector<zip::ListedEntry> entries;
  FileSums sums;  ///< of every file in it
};

/// Deflates one runtime at a time, however many threads or processes ask: each takes 300 MB of memory. Throws
/// Error(integrity) that names the file which is not as it was when the runtime was fetched.
PackedRuntime packed_runtime(const RuntimeCache& cache, const Runtime& runtime, Progress& progress,
                             std::stop_token stop);

}  // namespace opencat
