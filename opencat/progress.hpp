// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

namespace opencat {

/// How far long work is, told to a person. Any thread may call it.
class Progress {
 public:
  virtual ~Progress() = default;
  /// One line, at once: what begins or what has been done.
  virtual void say(const std::string& line) = 0;
  /// `task` (e.g. "node linux-x64") has done `done` of `total` units; `total` is 0 when it is not known.
  virtual void advance(const std::string& task, std::uint64_t done, std::uint64_t total) = 0;
  /// `task` has ended, well or not.
  virtual void end(const std::string& task) = 0;
};

/// Says nothing.
class NoProgress : public Progress {
 public:
  void say(const std::string&) override {}
  void advance(const std::string&, std::uint64_t, std::uint64_t) override {}
  void end(const std::string&) override {}
};

}  // namespace opencat
