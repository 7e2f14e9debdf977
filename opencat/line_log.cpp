// SPDX-License-Identifier: MIT
#include "opencat/line_log.hpp"

#include <algorithm>
#include <chrono>

#include "opencat/descriptor.hpp"
#include "opencat/error.hpp"

namespace opencat {

namespace {

constexpr std::size_t max_waiting = 4 << 20;
constexpr std::size_t enough = 64 << 10;  ///< not to wait for more
constexpr std::chrono::milliseconds gathering_time{100};

}  // namespace

/// An open descriptor.
class LineLog::File {
 public:
  explicit File(const std::filesystem::path& path)
      : descriptor_(path == "-" ? descriptor::duplicate_stderr()
                                : descriptor::open(path, descriptor::Opening::append)) {
    if (descriptor_ < 0)
      throw system_error("cannot write " + path.string() + "; is its folder there, and yours to write to?",
                         ErrorKind::usage);
  }
  ~File() { descriptor::close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  /// What could not be written.
  std::string_view write(std::string_view bytes) { return descriptor::write(descriptor_, bytes); }

 private:
  int descriptor_;
};

LineLog::LineLog(std::filesystem::path file, std::function<void(std::uint64_t)> on_dropped)
    : path_(std::move(file)),
      on_dropped_(std::move(on_dropped)),
      file_(std::make_shared<File>(path_)),
      thread_([this] { work(); }) {}

LineLog::~LineLog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void LineLog::write(std::string_view line) {
  {
    const std::lock_guard lock(mutex_);
    const std::size_t before = waiting_.size();
    if (before + line.size() < max_waiting) {
      waiting_.append(line).push_back('\n');
      if (before == 0 || (before < enough && waiting_.size() >= enough)) changed_.notify_one();
      return;
    }
  }
  on_dropped_(1);
}

void LineLog::reopen() {
  const auto fresh = std::make_shared<File>(path_);
  const std::lock_guard lock(mutex_);
  file_ = fresh;
}

void LineLog::work() {
  std::string bytes;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    changed_.wait_for(lock, gathering_time, [this] { return stopping_ || waiting_.size() >= enough; });
    bytes.clear();
    bytes.swap(waiting_);
    const std::shared_ptr<File> file = file_;
    lock.unlock();
    const std::string_view lost = file->write(bytes);
    if (!lost.empty()) on_dropped_(static_cast<std::uint64_t>(std::count(lost.begin(), lost.end(), '\n')));
    lock.lock();
  }
}

}  // namespace opencat
