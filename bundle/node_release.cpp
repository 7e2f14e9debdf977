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
    if (line.major == version.major) return {version, line.lts, line.codename, ""};
  }
  return {version, false, "", ""};
}

int NodeSchedule::npm_major(int node_major) const {
  int npm = lines_.front().npm_major;
  for (const Line& line : lines_) {
    if (line.major <= node_major) npm = line.npm_major;
  }
  return npm;
}

NodeWish::NodeWish(const std::string& text) : text_(text) {
  const std::string word = lower(trim(text));
  if (word == "latest" || word == "current" || word == "node") {
    kind_ = Kind::latest;
  } else if (word == "lts" || word == "lts/*") {
    kind_ = Kind::lts;
  } else if (word.rfind("lts/", 0) == 0 && word.size() > 4) {
    kind_ = Kind::codename;
    codename_ = word.substr(4);
  } else {
    range_ = VersionRange::parse(word);
    exact_ = parse_version(word);
    if (!range_ || word.empty()) {
      throw Error(ErrorKind::usage,
                  "'" + text +
                      "' is no version of Node; use lts, latest, lts/jod, 22, 22.14, 22.14.0, "
                      "^22 or ~22.3");
    }
  }
}

bool NodeWish::fits(const NodeRelease& release) const {
  switch (kind_) {
    case Kind::latest:
      return true;
    case Kind::lts:
      return release.lts;
    case Kind::codename:
      return release.lts && lower(release.codename) == codename_;
    case Kind::range:
      return range_->contains(release.version);
  }
  return false;
}

NodeRelease NodeWish::choose(const std::vector<NodeRelease>& releases, const std::string& where) const {
  const NodeRelease* best = nullptr;
  for (const NodeRelease& release : releases) {
    if (fits(release) && (best == nullptr || best->version < release.version)) best = &release;
  }
  if (best != nullptr) return *best;
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
