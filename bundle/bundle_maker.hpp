// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bundle/shared_bundle.hpp"
#include "bundle/token_client.hpp"
#include "opencat/progress.hpp"
#include "opencat/random.hpp"

namespace opencat {

/// A finished zip.
struct MadeBundle {
  Platform platform;
  std::filesystem::path file;
  std::uint64_t bytes = 0;
  std::string sha256;
  std::string token_id;  ///< as the server calls the pre-allocated token; empty: none
};

/// Makes opencat-portable-PLATFORM.zip for each runtime. They appear under their names, with SHA256SUMS and
/// manifest.json, only when all are whole; until then, and when one fails, what was there before stays.
class BundleMaker {
 public:
  /// `tokens` may be null: no token is pre-allocated.
  BundleMaker(BundlePlan plan, RuntimeCache& cache, TokenClient* tokens, Entropy& entropy, Progress& progress)
      : plan_(std::move(plan)), cache_(cache), tokens_(tokens), entropy_(entropy), progress_(progress) {}

  /// SHA256SUMS and manifest.json never hold a token or a key. When something fails, the tokens that were
  /// issued are deleted again.
  std::vector<MadeBundle> make(const std::vector<Runtime>& runtimes, std::stop_token stop);

 private:
  /// One for each runtime, made in parallel; their zips will be in `ready`.
  std::vector<SharedBundle> prepare(const std::vector<Runtime>& runtimes,
                                    const std::filesystem::path& scratch, const std::filesystem::path& ready,
                                    const std::stop_token& stop);
  /// Writes what is its own into the zip; its token, if it has one, is added to `issued`.
  MadeBundle personalise(SharedBundle& shared, IssuedTokens* issued, std::stop_token stop);
  void write_lists(const std::vector<MadeBundle>& made, const Runtime& runtime,
                   const std::filesystem::path& ready) const;

  BundlePlan plan_;
  RuntimeCache& cache_;
  TokenClient* tokens_;
  Entropy& entropy_;
  Progress& progress_;
};

/// The moment that every entry bears: SOURCE_DATE_EPOCH
/// (https://reproducible-builds.org/specs/source-date-epoch/), else the first that a zip can say.
Time bundle_time(const Environment& environment);

}  // namespace opencat
