// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bundle/runtime_cache.hpp"

namespace opencat {

/// Where to look, in this order; the next one is asked only when one cannot be reached.
struct FetchPlan {
  /// Made when first needed: the npm source must find out the user's registry.
  std::vector<std::function<std::unique_ptr<NodeSource>()>> sources;
  bool offline = false;
  /// A cached runtime that no signature proved does not serve, and is fetched again.
  Signatures signatures = Signatures::where_offered;
  /// A source that answered within the last hour goes first, so that one which cannot be reached is not
  /// waited for again and again. Off when the user named the first source.
  bool prefer_known = true;
};

/// Finds or fetches runtimes. For one thread.
class RuntimeFetcher {
 public:
  RuntimeFetcher(RuntimeCache& cache, FetchPlan plan, Clock& clock, Progress& progress);
  ~RuntimeFetcher();

  /// One runtime per platform, all of one version: the newest that fits and that all platforms have. Where
  /// the platforms' newest differ, it says what each has. An exact version that is cached needs no network;
  /// otherwise a list of releases younger than an hour does not.
  std::vector<Runtime> fetch(const std::vector<Platform>& platforms, const NodeWish& wish,
                             std::stop_token stop);

 private:
  NodeSource& source(std::size_t index);
  std::vector<std::size_t> order_for(const std::vector<Platform>& platforms);
  std::vector<Runtime> fetch_from(NodeSource& source, const std::vector<Platform>& platforms,
                                  const NodeWish& wish, std::stop_token stop);
  Runtime find_or_add(NodeSource& source, const Version& version, const Platform& platform,
                      std::stop_token stop);
  Version choose(NodeSource& source, const std::vector<Platform>& platforms, const NodeWish& wish,
                 std::stop_token stop);
  std::optional<Runtime> find(const Version& version, const Platform& platform) const;
  std::vector<Runtime> cached(const std::vector<Platform>& platforms, const NodeWish& wish) const;

  RuntimeCache& cache_;
  FetchPlan plan_;
  Clock& clock_;
  Progress& progress_;
  std::vector<std::unique_ptr<NodeSource>> made_;
};

}  // namespace opencat
