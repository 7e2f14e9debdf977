// SPDX-License-Identifier: MIT
#include "commands/progress_bars.hpp"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "opencat/text.hpp"

namespace opencat {

namespace {

constexpr std::size_t bar_width = 28;

std::string bar_line(const std::string& name, std::uint64_t done, std::uint64_t total) {
  if (total == 0) return fmt::format("  {:<24} {}", name, human_size(done));
  const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const auto filled = static_cast<std::size_t>(part * bar_width);
  return fmt::format("  {:<24} [{}{}] {:>3.0f}%  {} of {}", name, std::string(filled, '#'),
                     std::string(bar_width - filled, '.'), part * 100, human_size(done), human_size(total));
}

}  // namespace

ProgressBars::~ProgressBars() {
  const std::lock_guard lock(mutex_);
  erase();
}

void ProgressBars::say(const std::string& line) {
  const std::lock_guard lock(mutex_);
  erase();
  std::fputs((line + "\n").c_str(), stderr);
  draw();
}

void ProgressBars::advance(const std::string& task, std::uint64_t done, std::uint64_t total) {
  const std::lock_guard lock(mutex_);
  tasks_[task] = {done, total};
  const auto now = std::chrono::steady_clock::now();
  if (now < next_draw_) return;
  next_draw_ = now + std::chrono::milliseconds(80);
  erase();
  draw();
}

void ProgressBars::end(const std::string& task) {
  const std::lock_guard lock(mutex_);
  tasks_.erase(task);
  erase();
  draw();
}

void ProgressBars::erase() {
  for (; drawn_lines_ > 0; --drawn_lines_) std::fputs("\033[1A\033[2K", stderr);
}

void ProgressBars::draw() {
  for (const auto& [name, task] : tasks_) {
    std::fputs((bar_line(name, task.done, task.total) + "\n").c_str(), stderr);
    ++drawn_lines_;
  }
}

void ProgressLines::say(const std::string& line) { std::fputs((line + "\n").c_str(), stderr); }

}  // namespace opencat
