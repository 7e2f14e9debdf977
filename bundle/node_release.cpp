// SPDX-License-Identifier: MIT
#include "bundle/node_release.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>

#include <nlohmann/json.hpp>

#include "opencat/assets.hpp"
#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat {

NodeSchedule::NodeSchedule(Time now) {
  const std::string today = date_of(now);
  try {
    const auto plan = nlohmann::json::parse(asset("data/node_schedule.json"));
    for (const auto& [major, line] : plan.at("majors").items()) {
      const bool lts = line.contains("lts") && line.at("lts").get<std::string>() <= today;
      lines_.push_back({std::stoi(major), lts, line.value("codename", ""), line.at("npm_major").get<int>()});
    }
  } catch (const std::exception& problem) {
    throw Error(ErrorKind::failed, "this build's node_schedule.json is damaged; build it again",
                problem.what());
  }
  std::sort(lines_.begin(), lines_.end(), [](const Line& a, const Line& b) { return a.major < b.major; });
}

NodeRelease NodeSchedule::describe(const Version& version) const {
  for (const Line& line : lines_) {
    if (line.major == version.major) return {version, line.lts, line.codename, "", {}};
  }
  return {version, false, "", "", {}};
}

int NodeSchedule::npm_major(int node_major) const {
  int npm = lines_.front().npm_major;
  for (const Line& line : lines_) {
    if (line.major <= node_major) npm = line.npm_major;
  }
  return npm;
}

namespace {

/// The lines' majors that have an LTS release, newest first.
std::vector<int> lts_majors(const std::vector<NodeRelease>& releases) {
  std::vector<int> majors;
  for (const NodeRelease& release : releases) {
    if (release.lts) majors.push_back(release.version.major);
  }
  std::sort(majors.rbegin(), majors.rend());
  majors.erase(std::unique(majors.begin(), majors.end()), majors.end());
  return majors;
}

}  // namespace

NodeWish::NodeWish(const std::string& text, const std::string& origin, Prefer prefer)
    : prefer_(prefer), text_(trim(text)) {
  const std::string word = lower(text_);
  const bool of_lts = word.rfind("lts/", 0) == 0 || word.rfind("lts-", 0) == 0;
  const std::string line = of_lts ? word.substr(4) : std::string();
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool before = line.size() > 1 && line.size() < 4 && line[0] == '-' &&
                      std::all_of(line.begin() + 1, line.end(), is_digit);
  if (word == "latest" || word == "current" || word == "node" || word == "stable") {
    kind_ = Kind::latest;
  } else if (word == "lts" || line == "*" || line == "latest" || before) {
    kind_ = Kind::lts;
    if (before) lines_before_ = static_cast<std::size_t>(std::atoi(line.c_str() + 1));
  } else if (!line.empty()) {
    kind_ = Kind::codename;
    codename_ = line;
  } else {
    range_ = VersionRange::parse(word);
    exact_ = parse_version(word);
    if (!range_ || word.empty()) {
      throw Error(ErrorKind::usage,
                  (origin.empty() ? std::string() : origin + ": ") + "'" + printable(text_) +
                      "' is no version of Node; use lts, latest, lts/jod, lts/-1, 22, 22.14, "
                      "22.14.0, ^22 or ~22.3");
    }
  }
}

bool NodeWish::fits(const NodeRelease& release, int lts_major) const {
  switch (kind_) {
    case Kind::latest:
      return true;
    case Kind::lts:
      return release.lts && release.version.major == lts_major;
    case Kind::codename:
      return release.lts && lower(release.codename) == codename_;
    case Kind::range:
      return range_->contains(release.version);
  }
  return false;
}

std::optional<NodeRelease> NodeWish::find(const std::vector<NodeRelease>& releases) const {
  const std::vector<int> majors = lts_majors(releases);
  const int lts_major = lines_before_ < majors.size() ? majors[lines_before_] : -1;
  const auto better = [&](const NodeRelease& a, const NodeRelease& b) {
    if (prefer_ == Prefer::lts && a.lts != b.lts) return a.lts;
    return a.version > b.version;
  };
  const NodeRelease* best = nullptr;
  for (const NodeRelease& release : releases) {
    if (fits(release, lts_major) && (best == nullptr || better(release, *best))) best = &release;
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

NodeRelease NodeWish::choose(const std::vector<NodeRelease>& releases, const std::string& where) const {
  if (auto found = find(releases)) return std::move(*found);
  throw Error(ErrorKind::usage, "no Node '" + text_ + "' in " + where + suggestions(releases));
}

std::string NodeWish::suggestions(const std::vector<NodeRelease>& releases) const {
  if (kind_ == Kind::codename) {
    std::vector<std::string> names;
    for (const NodeRelease& release : releases) {
      const std::string name = "lts/" + lower(release.codename);
      if (release.lts && !release.codename.empty() && !contains(names, name)) names.push_back(name);
    }
    const auto near = nearest("lts/" + codename_, names);
    if (near) return "; did you mean '" + *near + "'?";
    return names.empty() ? std::string() : "; it has " + join(names, ", ");
  }
  // The newest of the same major, else the newest of each major.
  std::map<int, Version> newest;
  std::vector<Version> same_major;
  const int wanted = std::atoi(text_.c_str() + std::min(text_.find_first_of("0123456789"), text_.size()));
  for (const NodeRelease& release : releases) {
    Version& version = newest[release.version.major];
    version = std::max(version, release.version);
    if (release.version.major == wanted) same_major.push_back(release.version);
  }
  std::vector<std::string> near;
  std::sort(same_major.rbegin(), same_major.rend());
  for (std::size_t i = 0; i < same_major.size() && i < 4; ++i) near.push_back(same_major[i].text());
  if (near.empty()) {
    for (auto it = newest.rbegin(); it != newest.rend() && near.size() < 6; ++it) {
      near.push_back(it->second.text());
    }
  }
  return near.empty() ? std::string() : "; near it: " + join(near, ", ");
}

}  // namespace opencat
