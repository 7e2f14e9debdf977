// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bundle/runtime_cache.hpp"
#include "bundle/shared_bundle.hpp"
#include "opencat/minisign.hpp"

namespace opencat {

/// A finished zip.
struct MadeBundle {
  Platform platform;
  std::string name;  ///< of the file, below the folder that all go to, with forward slashes
  std::uint64_t bytes = 0;
  std::string sha256;
  std::string label;     ///< empty: none
  std::string token_id;  ///< as the server calls the pre-allocated token; empty: none
};

/// Writes what goes beside the zips to `folder`: manifest.json and sbom.cdx.json, SHA256SUMS of all, and with
/// a key SHA256SUMS.minisig. None of them holds a token or a key.
void write_lists(const BundlePlan& plan, const RuntimeCache& cache, const std::vector<Runtime>& runtimes,
                 const std::vector<MadeBundle>& made, const MinisignKey* key,
                 const std::filesystem::path& folder);

}  // namespace opencat
