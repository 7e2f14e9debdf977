// SPDX-License-Identifier: MIT
#include "bundle/runtime_fetcher.hpp"

#include <algorithm>
#include <numeric>

#include <nlohmann/json.hpp>

#include "opencat/digest.hpp"
#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

constexpr auto index_lifetime = std::chrono::hours(1);

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

std::int64_t seconds(Time time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
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
      if (fresh_index(source(index), platforms).empty()) continue;
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
  Version version;
  if (wish.exact()) {
    version = *wish.exact();
  } else {
    const std::string where = source.address() + " for " + names_of(platforms);
    version = wish.choose(releases(source, platforms, stop), where).version;
  }
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
    wish.choose(releases(source, platforms, stop), source.address() + " for " + names_of(platforms));
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

fs::path RuntimeFetcher::index_file(const NodeSource& source, const std::vector<Platform>& platforms) const {
  const std::string key = sha256_hex(source.address() + " " + names_of(platforms)).substr(0, 16);
  return cache_.folder() / "index" / (source.name() + "-" + key + ".json");
}

std::vector<NodeRelease> RuntimeFetcher::fresh_index(const NodeSource& source,
                                                     const std::vector<Platform>& platforms) const {
  const auto text = read_file_if_there(index_file(source, platforms));
  if (!text) return {};
  try {
    const Json index = Json::parse(*text);
    const auto age = seconds(clock_.now()) - index.at("fetched_at").get<std::int64_t>();
    if (age < 0 || age > std::chrono::seconds(index_lifetime).count()) return {};
    std::vector<NodeRelease> releases;
    for (const Json& row : index.at("releases")) {
      releases.push_back({parse_version(row.at(0).get<std::string>()).value(), row.at(1).get<bool>(),
                          row.at(2).get<std::string>(), row.at(3).get<std::string>()});
    }
    return releases;
  } catch (const std::exception&) {
    // Damaged, or of another version of this program: asked for again.
    return {};
  }
}

std::vector<NodeRelease> RuntimeFetcher::releases(NodeSource& source, const std::vector<Platform>& platforms,
                                                  std::stop_token stop) {
  std::vector<NodeRelease> found = fresh_index(source, platforms);
  if (!found.empty()) return found;
  found = source.releases(platforms, std::move(stop));
  Json rows = Json::array();
  for (const NodeRelease& release : found) {
    rows.push_back({release.version.text(), release.lts, release.codename, release.npm_version});
  }
  make_folders(cache_.folder(), 0700);
  const Json index{{"fetched_at", seconds(clock_.now())}, {"releases", rows}};
  write_file_atomically(index_file(source, platforms), index.dump(), FileMode::plain);
  return found;
}

}  // namespace opencat
