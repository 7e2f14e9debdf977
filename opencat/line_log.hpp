// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace opencat {

/// A file that grows by lines, written by a thread of its own: whoever has a line never waits for a disk.
/// Lines are gathered for up to 100 ms; what does not fit beside 4 MiB that wait is dropped and counted.
class LineLog {
 public:
  /// Appends to `file`, made with mode 0600 when it is missing; "-" is standard error. Throws Error(usage)
  /// when it cannot be opened. `on_dropped` hears how many lines were lost, from any thread.
  LineLog(std::filesystem::path file, std::function<void(std::uint64_t lines)> on_dropped);
  /// Writes what waits.
  ~LineLog();
  LineLog(const LineLog&) = delete;
  LineLog& operator=(const LineLog&) = delete;

  /// `line` without its line end. Any thread; never blocks on the file.
  void write(std::string_view line);

  /// Opens the file by its name again, after it was renamed. Throws Error(usage) when it cannot be, and then
  /// the old one stays. Any thread.
  void reopen();

 private:
  class File;
  void work();

  const std::filesystem::path path_;
  const std::function<void(std::uint64_t)> on_dropped_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string waiting_;
  std::shared_ptr<File> file_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace opencat
