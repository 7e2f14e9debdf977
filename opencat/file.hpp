// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace opencat {

/// Permission bits that this project gives to files.
enum class FileMode : unsigned {
  secret = 0600,  ///< holds a token or key: its owner only
  plain = 0644,
  executable = 0755,
};

/// A file's whole content. Throws Error(usage) when it is absent or larger than `limit` bytes.
std::string read_file(const std::filesystem::path& file, std::uintmax_t limit = 64u << 20);

/// The same; nothing when there is no such file.
std::optional<std::string> read_file_if_there(const std::filesystem::path& file,
                                              std::uintmax_t limit = 64u << 20);

/// Replaces `file` in one step: readers see the old content or the new, also after a crash (the bytes are
/// synced before the rename). Makes the folder when it is missing.
void write_file_atomically(const std::filesystem::path& file, std::string_view bytes, FileMode mode);

/// Makes the folder and those above it; the new ones get `mode`. Throws Error(failed) naming the folder.
void make_folders(const std::filesystem::path& folder, unsigned mode = 0755);

/// Makes the folder, or removes all that is in it. Throws as make_folders() and std::filesystem.
void empty_folder(const std::filesystem::path& folder);

/// Gives `from` the name `to`, replacing a file that has it. Waits while another program has either open,
/// where that is in the way. Throws Error(failed).
void rename_file(const std::filesystem::path& from, const std::filesystem::path& to);

/// A folder of this process's own beside or below `parent`, removed with all in it unless it was kept.
class TemporaryFolder {
 public:
  /// Made as `parent`/`prefix`XXXXXX with mode 0700.
  TemporaryFolder(const std::filesystem::path& parent, const std::string& prefix);
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();

  const std::filesystem::path& path() const { return path_; }
  /// Renames the folder to `target`, after which it is no longer removed. `target` must not exist.
  void keep_as(const std::filesystem::path& target);

 private:
  std::filesystem::path path_;
};

/// An exclusive lock on a file, held until the object goes; the system frees it when the process dies.
class FileLock {
 public:
  enum class Wait { until_free, never };
  /// With Wait::never, throws Error(unavailable) with `busy_message` when another process holds it.
  FileLock(const std::filesystem::path& file, Wait wait, const std::string& busy_message);
  /// Goes on with a lock that another process took and has handed over with its descriptor.
  explicit FileLock(int held) : descriptor_(held) {}
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

  /// For another process to go on with: the lock is held until neither has it.
  int descriptor() const { return descriptor_; }
  /// Lets go of it before its scope ends.
  void release();

 private:
  int descriptor_ = -1;
};

}  // namespace opencat
