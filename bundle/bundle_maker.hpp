// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bundle/bundle_lists.hpp"
#include "bundle/people.hpp"
#include "bundle/shared_bundle.hpp"
#include "bundle/token_ledger.hpp"
#include "opencat/progress.hpp"
#include "opencat/random.hpp"

namespace opencat {

/// Makes opencat-portable-PLATFORM.zip for each runtime. They appear under their names, with SHA256SUMS and
/// manifest.json, only when all are whole; until then, and when one fails, what was there before stays.
class BundleMaker {
 public:
  /// `tokens` may be null: no token is pre-allocated; `key` too: the sums are not signed.
  BundleMaker(BundlePlan plan, RuntimeCache& cache, TokenClient* tokens, const MinisignKey* key,
              Entropy& entropy, Progress& progress)
      : plan_(std::move(plan)),
        cache_(cache),
        tokens_(tokens),
        key_(key),
        entropy_(entropy),
        progress_(progress) {}

  /// SHA256SUMS and manifest.json never hold a token or a key. When something fails, the tokens that were
  /// issued are deleted again.
  std::vector<MadeBundle> make(const std::vector<Runtime>& runtimes, std::stop_token stop);

  /// One zip per person and platform, each with a token of its own, in folders by the people's names. Only
  /// what is missing is made: a run that failed, was killed, or has got more people now goes on where the one
  /// before ended (TokenLedger knows). Beside them, tokens.csv says who has which; mode 0600. Gives back all
  /// there are. Throws Error(usage) when those there are were made of something else.
  std::vector<MadeBundle> make_for(const std::vector<Person>& people, const std::vector<Runtime>& runtimes,
                                   std::stop_token stop);

 private:
  /// One for each runtime, made in parallel; their zips will be in `ready`.
  std::vector<SharedBundle> prepare(const std::vector<Runtime>& runtimes,
                                    const std::filesystem::path& scratch, const std::filesystem::path& ready,
                                    const std::stop_token& stop);
  /// Writes what is its own into the zip, with a token where there are `tokens`.
  MadeBundle personalise(SharedBundle& shared, IssuedTokens* tokens, TokenLedger& ledger,
                         std::vector<std::string>& installations, const std::stop_token& stop);

  BundlePlan plan_;
  RuntimeCache& cache_;
  TokenClient* tokens_;
  const MinisignKey* key_;
  Entropy& entropy_;
  Progress& progress_;
};

/// The moment that every entry bears: SOURCE_DATE_EPOCH
/// (https://reproducible-builds.org/specs/source-date-epoch/), else the first that a zip can say.
Time bundle_time(const Environment& environment);

}  // namespace opencat
