// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle/semver.hpp"
#include "opencat/clock.hpp"
#include "opencat/platform.hpp"

namespace opencat {

/// A Node release that a source offers.
struct NodeRelease {
  Version version;
  bool lts = false;
  std::string codename;     ///< of its LTS line, e.g. "Jod"; empty: none or not known
  std::string npm_version;  ///< empty: the source does not say
  /// Those of the platforms asked for that it is there for.
  std::vector<Platform> platforms = {};
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

/// Which Node a user asks for. The words are those of nvm, fnm and n:
///
/// - latest, current, node, stable: the newest
/// - lts, lts/*: the newest of the newest long-term supported line; lts/-1: of the line before, and so on
/// - lts/jod, lts-jod: the newest of that line
/// - 22, 22.14, v22.14.0, ^22, ~22.3, ">=20 <23", "20 - 22", "18 || 22": npm's ranges
class NodeWish {
 public:
  /// What a wide range takes: the newest, or the newest LTS among those that fit if there is one.
  enum class Prefer { newest, lts };

  /// `origin` stands in messages, e.g. ".nvmrc"; empty: the user said it. Throws Error(usage) that lists the
  /// forms.
  explicit NodeWish(const std::string& text, const std::string& origin = {}, Prefer prefer = Prefer::newest);

  const std::string& text() const { return text_; }
  /// The version when the wish names exactly one.
  const std::optional<Version>& exact() const { return exact_; }

  /// The newest release that fits. Throws Error(usage) naming what is near to the wish when none does;
  /// `where` says whose releases they are, e.g. "the npm registry, for linux-x64".
  NodeRelease choose(const std::vector<NodeRelease>& releases, const std::string& where) const;
  /// The same; nothing when none fits.
  std::optional<NodeRelease> find(const std::vector<NodeRelease>& releases) const;

 private:
  bool fits(const NodeRelease& release, int lts_major) const;
  std::string suggestions(const std::vector<NodeRelease>& releases) const;

  enum class Kind { latest, lts, codename, range } kind_ = Kind::range;
  Prefer prefer_;
  std::size_t lines_before_ = 0;  ///< for Kind::lts
  std::string text_;
  std::string codename_;
  std::optional<VersionRange> range_;
  std::optional<Version> exact_;
};

}  // namespace opencat
