// SPDX-License-Identifier: MIT
// What the systems call differently about files, under one name each: posix/ and windows/ hold it, and the
// build takes one of the two. Failures are what they are in POSIX: -1 or false, with the reason in errno.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

namespace opencat::descriptor {

enum class Opening {
  read,
  modify,          ///< read and write; made when it is missing
  modify_no_link,  ///< the same, and refused where a link has the name
  append,          ///< each write goes to the end; made when it is missing
  create           ///< read and write; refused when there is such a file
};

/// The file's descriptor, which no program that is started inherits. What is made gets `mode` (Windows: what
/// its folder says). An open file can be renamed and removed, on Windows too.
int open(const std::filesystem::path& file, Opening opening, unsigned mode = 0600);
void close(int descriptor);
/// false: what was written may not be there.
bool close_checked(int descriptor);

/// Some of the bytes, at least one but at the end; -1 when they cannot be read.
std::ptrdiff_t read(int descriptor, char* target, std::size_t size);
std::ptrdiff_t read_at(int descriptor, char* target, std::size_t size, std::uint64_t offset);
/// Writes all; what is left when that fails.
std::string_view write(int descriptor, std::string_view bytes);
bool write_at(int descriptor, std::string_view bytes, std::uint64_t offset);

bool sync(int descriptor);
/// Leaves `size` bytes of it and goes on there.
bool cut(int descriptor, std::uint64_t size);
/// Its permission bits. Windows knows two kinds: its owner's alone, and what its folder says.
bool set_mode(int descriptor, unsigned mode);
/// Takes the file for this descriptor alone, until it is closed; not waiting, errno is EWOULDBLOCK when it is
/// taken.
bool lock(int descriptor, bool wait);

/// Nothing when it is no plain file.
struct Facts {
  bool is_file = false;
  std::uint64_t size = 0;
};
Facts facts(int descriptor);

/// What changes when a file is written to, or another takes its place; empty when there is none.
std::vector<std::int64_t> stamp(const std::filesystem::path& file);
/// Whether none but its owner may read it (on Windows: whether it was made so, apart from its folder).
bool is_private(const std::filesystem::path& file);

/// Whether a bundle gives it the bit of a program: as the file has it, or on Windows, where none has, as it
/// begins.
bool is_executable(const std::filesystem::path& file);

/// Has `to` share the bytes of `from` on the disk, where the file system can; false where not.
bool share_bytes(int from, int to);

/// A new file or folder named after `pattern`, whose last six characters it replaces; its owner's alone.
int temporary_file(std::filesystem::path& pattern);
bool temporary_folder(std::filesystem::path& pattern);
/// A file in `folder` that is gone when it is closed.
int nameless_file(const std::filesystem::path& folder);

bool make_folder(const std::filesystem::path& folder, unsigned mode);
/// Takes `to`'s place; with the system's own code, which is_sharing_violation() knows.
std::error_code rename(const std::filesystem::path& from, const std::filesystem::path& to);
/// Whether this user may start it as a program.
bool may_start(const std::filesystem::path& file);
/// Has a folder's changes on the disk; nothing where the system does that itself.
bool sync_folder(const std::filesystem::path& folder);

/// Standard error goes nowhere until it is restored with what this returned.
int silence_stderr();
void restore_stderr(int kept);
/// Another descriptor for the same, for this process alone.
int duplicate_stderr();

}  // namespace opencat::descriptor
