// SPDX-License-Identifier: MIT
#include "bundle/arriving_file.hpp"

#include <algorithm>

#include "opencat/descriptor.hpp"
#include "opencat/error.hpp"

namespace opencat {

ArrivingFile::ArrivingFile(const std::filesystem::path& file)
    : path_(file), descriptor_(descriptor::open(file, descriptor::Opening::read)) {
  if (descriptor_ < 0) throw system_error("cannot read " + file.string());
}

ArrivingFile::~ArrivingFile() { descriptor::close(descriptor_); }

std::size_t ArrivingFile::read(char* buffer, std::size_t size) {
  std::uint64_t there = 0;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return there_ > read_ || state_ != State::arriving; });
    if (state_ == State::broken) throw Error(ErrorKind::interrupted, "interrupted");
    there = there_;
  }
  const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size, there - read_));
  const std::ptrdiff_t got = wanted == 0 ? 0 : descriptor::read(descriptor_, buffer, wanted);
  if (got < 0) throw system_error("cannot read what was downloaded");
  read_ += static_cast<std::uint64_t>(got);
  return static_cast<std::size_t>(got);
}

void ArrivingFile::has(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  there_ = bytes;
  changed_.notify_all();
}

void ArrivingFile::is_whole() {
  const std::lock_guard lock(mutex_);
  state_ = State::whole;
  changed_.notify_all();
}

void ArrivingFile::breaks_off() {
  const std::lock_guard lock(mutex_);
  if (state_ == State::arriving) state_ = State::broken;
  changed_.notify_all();
}

}  // namespace opencat
