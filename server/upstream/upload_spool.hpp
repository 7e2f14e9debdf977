// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "opencat/http_client.hpp"

namespace opencat {

/// A request's body between a client and an upstream. Until reading begins all of it is kept, beyond 256 KiB
/// in a nameless file; what arrives later only passes through. So the first part can be looked at, changed in
/// one place, and sent again. Belongs to one loop's thread.
class UploadSpool : public UploadSource {
 public:
  /// `length`: the body's, when the client told it. The file, if one is needed, is made in `folder`.
  UploadSpool(std::filesystem::path folder, std::optional<std::uint64_t> length);
  ~UploadSpool() override;
  UploadSpool(const UploadSpool&) = delete;
  UploadSpool& operator=(const UploadSpool&) = delete;

  /// More of the body. Throws Error(failed) when the disk is full.
  void append(std::string_view piece);
  /// All of it is here.
  void finish();

  /// Sends `text` instead of the `size` bytes at `offset`. Once, before reading begins, within what is here.
  void replace(std::uint64_t offset, std::uint64_t size, std::string text);

  /// Bytes that passed in and not out, of those that are not kept. Whoever appends pauses above `high_water`,
  /// and goes on at on_taken.
  std::size_t waiting() const { return live_.size() - live_sent_; }
  static constexpr std::size_t high_water = 256 << 10;
  std::function<void()> on_taken;
  /// Bytes held in memory.
  std::size_t held() const { return kept_.size() + live_.size(); }

  std::optional<std::uint64_t> length() const override;
  std::optional<std::size_t> read(char* target, std::size_t size) override;
  bool rewind() override;

 private:
  std::size_t read_kept(char* target, std::uint64_t offset, std::size_t size) const;
  std::uint64_t kept_size() const { return file_size_ + kept_.size(); }

  std::filesystem::path folder_;
  std::optional<std::uint64_t> length_;
  std::string kept_;  ///< in memory; moves to the file when it has grown
  int file_ = -1;
  std::uint64_t file_size_ = 0;
  std::uint64_t cut_from_ = 0;  ///< [cut_from_, cut_to_) of what is kept goes out as text_
  std::uint64_t cut_to_ = 0;
  std::string text_;
  std::string live_;
  std::size_t live_sent_ = 0;
  std::uint64_t position_ = 0;  ///< in what is kept, as it goes out
  bool reading_ = false;
  bool live_read_ = false;
  bool finished_ = false;
};

}  // namespace opencat
