// SPDX-License-Identifier: MIT
#include "server/upstream/upload_spool.hpp"

#include <algorithm>
#include <cstring>

#include "opencat/descriptor.hpp"
#include "opencat/error.hpp"

namespace opencat {

namespace {

constexpr std::size_t keep_in_memory = 256 << 10;

}  // namespace

UploadSpool::UploadSpool(std::filesystem::path folder, std::optional<std::uint64_t> length)
    : folder_(std::move(folder)), length_(length) {}

UploadSpool::~UploadSpool() {
  if (file_ >= 0) descriptor::close(file_);
}

void UploadSpool::append(std::string_view piece) {
  if (reading_) {
    // A reader that is never quite done must not leave behind what it has taken.
    if (live_sent_ > high_water) {
      live_.erase(0, live_sent_);
      live_sent_ = 0;
    }
    live_ += piece;
    if (wakeup) wakeup();
    return;
  }
  kept_ += piece;
  if (kept_.size() <= keep_in_memory) return;
  if (file_ < 0) file_ = descriptor::nameless_file(folder_);
  if (file_ < 0 || !descriptor::write_at(file_, kept_, file_size_)) {
    throw system_error("cannot keep an upload in " + folder_.string());
  }
  file_size_ += kept_.size();
  kept_.clear();
}

void UploadSpool::finish() {
  finished_ = true;
  if (wakeup) wakeup();
}

void UploadSpool::replace(std::uint64_t offset, std::uint64_t size, std::string text) {
  cut_from_ = offset;
  cut_to_ = offset + size;
  text_ = std::move(text);
}

std::optional<std::uint64_t> UploadSpool::length() const {
  if (finished_ && !reading_) return kept_size() - (cut_to_ - cut_from_) + text_.size();
  if (!length_) return std::nullopt;
  return *length_ - (cut_to_ - cut_from_) + text_.size();
}

std::size_t UploadSpool::read_kept(char* target, std::uint64_t offset, std::size_t size) const {
  if (offset < file_size_) {
    const std::size_t wanted = std::min<std::uint64_t>(size, file_size_ - offset);
    const std::ptrdiff_t count = descriptor::read_at(file_, target, wanted, offset);
    if (count <= 0) throw system_error("cannot read an upload in " + folder_.string());
    return static_cast<std::size_t>(count);
  }
  const std::string_view rest = std::string_view(kept_).substr(static_cast<std::size_t>(offset - file_size_));
  const std::size_t count = std::min(size, rest.size());
  std::memcpy(target, rest.data(), count);
  return count;
}

std::optional<std::size_t> UploadSpool::read(char* target, std::size_t size) {
  reading_ = true;
  // What is kept goes out in three runs: what stands before the cut, the text, what stands behind it.
  const std::uint64_t text_end = cut_from_ + text_.size();
  std::size_t count = 0;
  if (position_ < cut_from_) {
    count = read_kept(target, position_, std::min<std::uint64_t>(size, cut_from_ - position_));
  } else if (position_ < text_end) {
    const std::string_view rest =
        std::string_view(text_).substr(static_cast<std::size_t>(position_ - cut_from_));
    count = std::min(size, rest.size());
    std::memcpy(target, rest.data(), count);
  } else if (const std::uint64_t offset = position_ - text_end + cut_to_; offset < kept_size()) {
    count = read_kept(target, offset, size);
  }
  if (count > 0) {
    position_ += count;
    return count;
  }
  count = std::min(size, waiting());
  if (count == 0) return finished_ ? std::nullopt : std::optional<std::size_t>(0);
  live_read_ = true;
  std::memcpy(target, live_.data() + live_sent_, count);
  live_sent_ += count;
  if (waiting() == 0) {
    live_.clear();
    live_sent_ = 0;
    if (on_taken) on_taken();
  }
  return count;
}

bool UploadSpool::rewind() {
  if (live_read_) return false;
  position_ = 0;
  return true;
}

}  // namespace opencat
