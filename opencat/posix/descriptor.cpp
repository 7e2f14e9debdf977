// SPDX-License-Identifier: MIT
#include "opencat/descriptor.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#ifdef __linux__
#include <linux/fs.h>
#include <sys/ioctl.h>
#endif
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace opencat::descriptor {

namespace fs = std::filesystem;

namespace {

int flags_of(Opening opening) {
  switch (opening) {
    case Opening::read:
      return O_RDONLY;
    case Opening::modify:
      return O_RDWR | O_CREAT;
    case Opening::modify_no_link:
      return O_RDWR | O_CREAT | O_NOFOLLOW;
    case Opening::append:
      return O_WRONLY | O_APPEND | O_CREAT;
    case Opening::create:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

/// Calls until no signal is in the way.
template <class Call>
auto undisturbed(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

}  // namespace

int open(const fs::path& file, Opening opening, unsigned mode) {
  return ::open(file.c_str(), flags_of(opening) | O_CLOEXEC, mode);
}

void close(int descriptor) { ::close(descriptor); }

bool close_checked(int descriptor) { return ::close(descriptor) == 0; }

std::ptrdiff_t read(int descriptor, char* target, std::size_t size) {
  return undisturbed([&] { return ::read(descriptor, target, size); });
}

std::ptrdiff_t read_at(int descriptor, char* target, std::size_t size, std::uint64_t offset) {
  return undisturbed([&] { return ::pread(descriptor, target, size, static_cast<off_t>(offset)); });
}

std::string_view write(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = undisturbed([&] { return ::write(descriptor, bytes.data(), bytes.size()); });
    if (count <= 0) break;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return bytes;
}

bool write_at(int descriptor, std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t count = undisturbed(
        [&] { return ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return true;
}

bool sync(int descriptor) { return ::fsync(descriptor) == 0; }

bool cut(int descriptor, std::uint64_t size) {
  const auto end = static_cast<off_t>(size);
  return ::ftruncate(descriptor, end) == 0 && ::lseek(descriptor, end, SEEK_SET) == end;
}

bool set_mode(int descriptor, unsigned mode) { return ::fchmod(descriptor, static_cast<mode_t>(mode)) == 0; }

bool lock(int descriptor, bool wait) {
  return undisturbed([&] { return ::flock(descriptor, LOCK_EX | (wait ? 0 : LOCK_NB)); }) == 0;
}

Facts facts(int descriptor) {
  struct stat known {};
  if (::fstat(descriptor, &known) != 0 || !S_ISREG(known.st_mode)) return {};
  return {true, static_cast<std::uint64_t>(known.st_size)};
}

std::vector<std::int64_t> stamp(const fs::path& file) {
  struct stat known {};
  if (::stat(file.c_str(), &known) != 0) return {};
  const auto number = [](auto value) { return static_cast<std::int64_t>(value); };
#ifdef __APPLE__
  const auto& changed = known.st_mtimespec;
  const auto& touched = known.st_ctimespec;
#else
  const auto& changed = known.st_mtim;
  const auto& touched = known.st_ctim;
#endif
  return {number(known.st_dev),   number(known.st_ino),    number(known.st_size),  number(known.st_mode),
          number(changed.tv_sec), number(changed.tv_nsec), number(touched.tv_sec), number(touched.tv_nsec)};
}

bool is_private(const fs::path& file) {
  struct stat known {};
  return ::stat(file.c_str(), &known) == 0 && (known.st_mode & 077) == 0;
}

bool is_executable(const fs::path& file) {
  return (fs::status(file).permissions() & fs::perms::owner_exec) != fs::perms::none;
}

bool share_bytes([[maybe_unused]] int from, [[maybe_unused]] int to) {
#ifdef __linux__
  // https://man7.org/linux/man-pages/man2/ioctl_ficlone.2.html
  return ::ioctl(to, FICLONE, from) == 0;
#else
  return false;
#endif
}

int temporary_file(fs::path& pattern) {
  std::string name = pattern.string();
  const int descriptor = ::mkostemp(name.data(), O_CLOEXEC);
  pattern = name;
  return descriptor;
}

bool temporary_folder(fs::path& pattern) {
  std::string name = pattern.string();
  const bool made = ::mkdtemp(name.data()) != nullptr;
  pattern = name;
  return made;
}

int nameless_file(const fs::path& folder) {
#ifdef O_TMPFILE
  const int file = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0) return file;
#endif
  // Not every file system knows O_TMPFILE.
  fs::path name = folder / "upload-XXXXXX";
  const int named = temporary_file(name);
  if (named >= 0) ::unlink(name.c_str());
  return named;
}

bool make_folder(const fs::path& folder, unsigned mode) { return ::mkdir(folder.c_str(), mode) == 0; }

std::error_code rename(const fs::path& from, const fs::path& to) {
  std::error_code why;
  fs::rename(from, to, why);
  return why;
}

bool may_start(const fs::path& file) { return ::access(file.c_str(), X_OK) == 0; }

bool sync_folder(const fs::path& folder) {
  const int descriptor = open(folder, Opening::read);
  if (descriptor < 0) return false;
  const bool well = sync(descriptor);
  ::close(descriptor);
  return well;
}

int silence_stderr() {
  const int kept = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (kept >= 0 && nowhere >= 0) ::dup2(nowhere, STDERR_FILENO);
  if (nowhere >= 0) ::close(nowhere);
  return kept;
}

void restore_stderr(int kept) {
  if (kept < 0) return;
  ::dup2(kept, STDERR_FILENO);
  ::close(kept);
}

int duplicate_stderr() { return ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0); }

}  // namespace opencat::descriptor
