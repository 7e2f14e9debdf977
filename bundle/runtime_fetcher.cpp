// SPDX-License-Identifier: MIT
#include "bundle/runtime_fetcher.hpp"

#include <algorithm>
#include <numeric>

#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace {

bool is_unreachable(const Error& error) {
  return error.kind() == ErrorKind::network || error.kind() == ErrorKind::timeout;
}

std::string names_of(const std::vector<Platform>& platforms) {
  std::vector<std::string> names;
  for (const Platform& platform : platforms) names.push_back(platform.name());
  std::sort(names.begin(), names.end());
  return join(names, ", ");
}

/// The error of the last source, with what could be done without any.
Error with_hint(const Error& error, const std::vector<Runtime>& cached) {
  if (cached.empty()) return error;
  return Error(error.kind(),
               error.message() + "; --offline would use the cached Node " + cached[0].version.text(),
               error.detail());
}

}  // namespace

RuntimeFetcher::RuntimeFetcher(RuntimeCache& cache, FetchPlan plan, Clock& clock, Progress& progress)
    : cache_(cache),
      plan_(std::move(plan)),
      clock_(clock),
      progress_(progress),
      made_(plan_.sources.size()) {}

RuntimeFetcher::~RuntimeFetcher() = default;

NodeSource& RuntimeFetcher::source(std::size_t index) {
  if (!made_[index]) made_[index] = plan_.sources[index]();
  return *made_[index];
}

std::vector<Runtime> RuntimeFetcher::fetch(const std::vector<Platform>& platforms, const NodeWish& wish,
                                           std::stop_token stop) {
  if (wish.exact() || plan_.offline) {
    std::vector<Runtime> found = cached(platforms, wish);
    if (!found.empty()) {
      if (!wish.exact()) progress_.say("offline: using the cached Node " + found[0].version.text());
      return found;
    }
  }
  if (plan_.offline) {
    throw Error(ErrorKind::network, "no Node '" + wish.text() + "' for " + names_of(platforms) +
                                        " is in the cache, and --offline forbids to fetch it");
  }
  const std::vector<std::size_t> order = order_for(platforms);
  for (std::size_t i = 0;; ++i) {
    const bool last = i + 1 == order.size();
    try {
      return fetch_from(source(order[i]), platforms, wish, stop);
    } catch (const Error& error) {
      if (!is_unreachable(error)) throw;
      if (last) throw with_hint(error, cached(platforms, wish));
      progress_.say(error.message() + "; trying the next source");
    }
  }
}

std::vector<std::size_t> RuntimeFetcher::order_for(const std::vector<Platform>& platforms) {
  std::vector<std::size_t> order(plan_.sources.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (!plan_.prefer_known) return order;
  for (std::size_t& index : order) {
    try {
      if (!source(index).knows_releases(platforms)) continue;
      std::swap(index, order.front());
      break;
    } catch (const Error&) {
      // A source that cannot even be made (no registry is configured) complains when its turn comes.
    }
  }
  return order;
}

std::vector<Runtime> RuntimeFetcher::fetch_from(NodeSource& source, const std::vector<Platform>& platforms,
                                                const NodeWish& wish, std::stop_token stop) {
  // An exact version needs no list.
  const Version version = wish.exact() ? *wish.exact() : choose(source, platforms, wish, stop);
  // Windows last: its npm packages do not say which npm belongs to them, the others do.
  std::vector<Platform> order = platforms;
  std::stable_partition(order.begin(), order.end(), [](const Platform& one) { return !one.is_windows(); });
  std::map<std::string, Runtime> runtimes;
  try {
    for (const Platform& platform : order) {
      runtimes.emplace(platform.name(), find_or_add(source, version, platform, stop));
    }
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::usage || !wish.exact()) throw;
    // The one version asked for is not there: the list says what is near.
    choose(source, platforms, wish, stop);
    throw;
  }
  std::vector<Runtime> result;
  for (const Platform& platform : platforms) result.push_back(runtimes.at(platform.name()));
  return result;
}

Runtime RuntimeFetcher::find_or_add(NodeSource& source, const Version& version, const Platform& platform,
                                    std::stop_token stop) {
  if (auto found = find(version, platform)) return *found;
  const auto lock = cache_.lock(version, platform, progress_, stop);
  if (auto found = find(version, platform)) return *found;
  std::string known_npm;
  for (const Platform& other : known_platforms()) {
    const auto sibling = known_npm.empty() ? cache_.find(version, other) : std::nullopt;
    if (sibling && !other.is_windows()) known_npm = sibling->npm_version;
  }
  progress_.say("fetching Node " + version.text() + " for " + platform.name() + " from " + source.address());
  return cache_.add(source, version, platform, known_npm, clock_.now(), progress_, stop);
}

std::optional<Runtime> RuntimeFetcher::find(const Version& version, const Platform& platform) const {
  auto found = cache_.find(version, platform);
  if (found && plan_.signatures == Signatures::required && !is_signed(found->verified)) found.reset();
  return found;
}

std::vector<Runtime> RuntimeFetcher::cached(const std::vector<Platform>& platforms,
                                            const NodeWish& wish) const {
  const NodeSchedule schedule(clock_.now());
  std::map<Version, std::size_t> counts;
  for (const Runtime& runtime : cache_.list()) {
    const bool asked = std::find(platforms.begin(), platforms.end(), runtime.platform) != platforms.end();
    if (asked && find(runtime.version, runtime.platform)) ++counts[runtime.version];
  }
  std::vector<NodeRelease> whole;
  for (const auto& [version, count] : counts) {
    if (count == platforms.size()) whole.push_back(schedule.describe(version));
  }
  std::vector<Runtime> found;
  try {
    const Version version = wish.choose(whole, "the cache").version;
    for (const Platform& platform : platforms) found.push_back(*cache_.find(version, platform));
  } catch (const Error&) {
    return {};
  }
  return found;
}

Version RuntimeFetcher::choose(NodeSource& source, const std::vector<Platform>& platforms,
                               const NodeWish& wish, std::stop_token stop) {
  const std::vector<NodeRelease> all = source.releases(platforms, std::move(stop));
  std::vector<NodeRelease> shared;
  for (const NodeRelease& release : all) {
    if (release.platforms.size() == platforms.size()) shared.push_back(release);
  }
  const auto chosen = wish.find(shared);
  // What each platform could have had, where that is something else.
  std::vector<std::string> each;
  bool differs = !chosen;
  for (const Platform& platform : platforms) {
    std::vector<NodeRelease> its;
    std::copy_if(all.begin(), all.end(), std::back_inserter(its), [&](const NodeRelease& release) {
      return std::find(release.platforms.begin(), release.platforms.end(), platform) !=
             release.platforms.end();
    });
    const auto best = wish.find(its);
    differs = differs || !best || best->version != chosen->version;
    each.push_back(platform.name() + " " + (best ? best->version.text() : "none"));
  }
  const std::string where = source.address() + " for " + names_of(platforms);
  if (platforms.size() > 1 && differs) {
    const std::string told =
        "'" + wish.text() + "' is not the same for all platforms (" + join(each, ", ") + ")";
    if (chosen) {
      progress_.say(told + "; taking Node " + chosen->version.text() + ", which all have");
    } else if (std::any_of(all.begin(), all.end(),
                           [&](const auto& one) { return wish.find({one}).has_value(); })) {
      throw Error(ErrorKind::usage,
                  "no Node " + told + " in " + source.address() +
                      ", and none of them is there for all; ask for another version, or for "
                      "the platforms one by one");
    }
  }
  return chosen ? chosen->version : wish.choose(shared, where).version;
}

}  // namespace opencat
