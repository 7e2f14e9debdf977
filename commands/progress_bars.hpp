// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "opencat/progress.hpp"

namespace opencat {

/// One bar per running task at the bottom of the terminal, redrawn at most 12 times a second.
class ProgressBars : public Progress {
 public:
  ~ProgressBars() override;
  void say(const std::string& line) override;
  void advance(const std::string& task, std::uint64_t done, std::uint64_t total) override;
  void end(const std::string& task) override;

 private:
  struct Task {
    std::uint64_t done = 0;
    std::uint64_t total = 0;
  };
  void erase();
  void draw();

  std::mutex mutex_;
  std::map<std::string, Task> tasks_;
  std::size_t drawn_lines_ = 0;
  std::chrono::steady_clock::time_point next_draw_{};
};

/// Lines only: for logs and pipes, where a bar would be noise.
class ProgressLines : public Progress {
 public:
  void say(const std::string& line) override;
  void advance(const std::string&, std::uint64_t, std::uint64_t) override {}
  void end(const std::string&) override {}
};

}  // namespace opencat
