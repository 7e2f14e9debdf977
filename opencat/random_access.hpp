// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace opencat {

/// A file open for reading at any place. What was opened is read, whatever becomes of its name. Any thread.
class InputFile {
 public:
  /// Throws Error(usage) when there is no such file, Error(failed) when it cannot be read.
  explicit InputFile(const std::filesystem::path& file);
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;
  ~InputFile();

  const std::filesystem::path& path() const { return path_; }
  /// In bytes, when it was opened.
  std::uint64_t size() const { return size_; }
  /// Fills `bytes` from `offset` on; throws Error(integrity) when the file ends before.
  void read(std::uint64_t offset, std::span<char> bytes) const;
  std::string read(std::uint64_t offset, std::size_t count) const;

 private:
  friend class OutputFile;
  std::filesystem::path path_;
  int descriptor_;
  std::uint64_t size_ = 0;
};

/// A new file, written from its beginning to its end; removed when it was not closed. For one thread.
class OutputFile {
 public:
  /// Made with mode 0600; throws Error(failed) when there is such a file already.
  explicit OutputFile(std::filesystem::path file);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const { return written_ + buffer_.size(); }
  void write(std::string_view bytes);
  /// Hands what is buffered to the system.
  void flush();
  /// Writes all of `from`, as it was when it was opened. Where nothing is written yet and the file system can
  /// (btrfs, XFS), the two share the bytes on the disk, and nothing is copied at all.
  void copy(const InputFile& from);
  /// Flushes, sets the permission bits, and keeps the file.
  void close(unsigned mode);

 private:
  void write_through(std::string_view bytes);
  std::filesystem::path path_;
  int descriptor_;
  std::uint64_t written_ = 0;
  std::string buffer_;
};

}  // namespace opencat
