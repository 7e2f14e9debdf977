// SPDX-License-Identifier: MIT
#include "opencat/random_access.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "opencat/descriptor.hpp"
#include "opencat/error.hpp"

namespace opencat {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t buffer_size = 1 << 18;

}  // namespace

InputFile::InputFile(const fs::path& file)
    : path_(file), descriptor_(descriptor::open(file, descriptor::Opening::read)) {
  if (descriptor_ < 0) {
    throw system_error("cannot read " + file.string(),
                       errno == ENOENT ? ErrorKind::usage : ErrorKind::failed);
  }
  const descriptor::Facts facts = descriptor::facts(descriptor_);
  if (!facts.is_file) {
    descriptor::close(descriptor_);
    throw Error(ErrorKind::usage, file.string() + " is no plain file");
  }
  size_ = facts.size;
}

InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_) {}

InputFile::~InputFile() {
  if (descriptor_ >= 0) descriptor::close(descriptor_);
}

void InputFile::read(std::uint64_t offset, std::span<char> bytes) const {
  while (!bytes.empty()) {
    const std::ptrdiff_t count = descriptor::read_at(descriptor_, bytes.data(), bytes.size(), offset);
    if (count < 0) throw system_error("cannot read " + path_.string());
    if (count == 0) throw Error(ErrorKind::integrity, path_.string() + " ends too early");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

std::string InputFile::read(std::uint64_t offset, std::size_t count) const {
  if (offset > size_ || count > size_ - offset) {
    throw Error(ErrorKind::integrity, path_.string() + " ends too early");
  }
  std::string bytes(count, '\0');
  read(offset, std::span(bytes));
  return bytes;
}

OutputFile::OutputFile(fs::path file)
    : path_(std::move(file)), descriptor_(descriptor::open(path_, descriptor::Opening::create)) {
  if (descriptor_ < 0) throw system_error("cannot make " + path_.string());
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      written_(other.written_),
      buffer_(std::move(other.buffer_)) {}

OutputFile::~OutputFile() {
  if (descriptor_ < 0) return;
  descriptor::close(descriptor_);
  std::error_code ignored;
  fs::remove(path_, ignored);
}

void OutputFile::write(std::string_view bytes) {
  if (buffer_.size() + bytes.size() > buffer_size) flush();
  if (bytes.size() >= buffer_size) return write_through(bytes);
  buffer_ += bytes;
}

void OutputFile::flush() {
  write_through(buffer_);
  buffer_.clear();
}

void OutputFile::write_through(std::string_view bytes) {
  const std::size_t left = descriptor::write(descriptor_, bytes).size();
  written_ += bytes.size() - left;
  if (left > 0) throw system_error("cannot write " + path_.string());
}

void OutputFile::copy(const InputFile& from) {
  flush();
  if (written_ == 0 && descriptor::share_bytes(from.descriptor_, descriptor_)) {
    written_ = from.size_;
    if (!descriptor::cut(descriptor_, written_)) throw system_error("cannot write " + path_.string());
    return;
  }
  // Measured on ext4 with 48 MB: 9.9 ms, by copy_file_range() or sendfile() 11.4 ms.
  std::vector<char> piece(buffer_size);
  for (std::uint64_t done = 0; done < from.size_;) {
    const auto part = std::span(piece).first(std::min<std::uint64_t>(from.size_ - done, piece.size()));
    from.read(done, part);
    write_through({part.data(), part.size()});
    done += part.size();
  }
}

void OutputFile::close(unsigned mode) {
  flush();
  const bool set = descriptor::set_mode(descriptor_, mode);
  if (!set || !descriptor::close_checked(std::exchange(descriptor_, -1))) {
    const Error error = system_error("cannot write " + path_.string());
    std::error_code ignored;
    fs::remove(path_, ignored);
    throw error;
  }
}

}  // namespace opencat
