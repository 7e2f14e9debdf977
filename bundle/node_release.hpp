// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bundle/semver.hpp"
#include "opencat/clock.hpp"

namespace opencat {

/// A Node release that a source offers.
struct NodeRelease {
  Version version;
  bool lts = false;
  std::string codename;     ///< of its LTS line, e.g. "Jod"; empty: none or not known
  std::string npm_version;  ///< empty: the source does not say
};

/// The Node.js Release working group's plan (bundle/data/node_schedule.json), for sources that do not say
/// which releases are long-term supported. A major's line counts as LTS from its planned day on.
class NodeSchedule {
 public:
  /// As `now` sees the plan of the embedded file. Throws Error(failed) if that is no plan.
  explicit NodeSchedule(Time now);

  /// The release with what the plan knows of its line.
  NodeRelease describe(const Version& version) const;
  /// The major of the npm that Node's major ships; the newest known one for newer majors.
  int npm_major(int node_major) const;

 private:
  struct Line {
    int major;
    bool lts;
    std::string codename;
    int npm_major;
  };
  std::vector<Line> lines_;
};

/// Which Node a user asks for: "lts", "latest", "lts/jod", "22", "22.14", "22.14.0", "^22", "~22.3", …
class NodeWish {
 public:
  /// Throws Error(usage) that lists the forms.
  explicit NodeWish(const std::string& text);

  const std::string& text() const { return text_; }
  /// The version when the wish names exactly one.
  const std::optional<Version>& exact() const { return exact_; }

  /// The newest release that fits. Throws Error(usage) naming what is near to the wish when none does;
  /// `where` says whose releases they are, e.g. "the npm registry, for linux-x64".
  NodeRelease choose(const std::vector<NodeRelease>& releases, const std::string& where) const;

 private:
  bool fits(const NodeRelease& release) const;
  std::string suggestions(const std::vector<NodeRelease>& releases) const;

  enum class Kind { latest, lts, codename, range } kind_ = Kind::range;
  std::string text_;
  std::string codename_;
  std::optional<VersionRange> range_;
  std::optional<Version> exact_;
};

}  // namespace opencat
