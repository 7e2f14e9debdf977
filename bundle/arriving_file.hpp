// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>

namespace opencat {

/// A file that is still arriving, read from its begin. One thread reads, another tells what has come.
class ArrivingFile {
 public:
  explicit ArrivingFile(const std::filesystem::path& file);
  ~ArrivingFile();
  ArrivingFile(const ArrivingFile&) = delete;
  ArrivingFile& operator=(const ArrivingFile&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// Up to `size` of the next bytes, and how many: waits until there are some; 0 at the end. Throws
  /// Error(interrupted) when no more will come though it is not whole.
  std::size_t read(char* buffer, std::size_t size);

  void has(std::uint64_t bytes);  ///< so many are there now
  void is_whole();
  void breaks_off();

 private:
  std::filesystem::path path_;
  int descriptor_;
  std::uint64_t read_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t there_ = 0;
  enum class State { arriving, whole, broken } state_ = State::arriving;
};

}  // namespace opencat
