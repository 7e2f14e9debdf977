// SPDX-License-Identifier: MIT
// The C library's descriptors over files that CreateFileW() opened: its own _wopen() would not let others
// rename or remove what is open.
#include "opencat/descriptor.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>

#include <fcntl.h>
#include <io.h>
#include <sys/stat.h>

#include "opencat/busy_file.hpp"
#include "opencat/windows/api.hpp"
#include "opencat/windows/security.hpp"
#include "opencat/windows/wide.hpp"

namespace opencat::descriptor {

namespace fs = std::filesystem;

namespace {

constexpr DWORD all_may = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
constexpr std::size_t largest_piece = 1u << 30;
constexpr int most_tries = 100;

struct Wanted {
  DWORD access;
  DWORD disposition;
  DWORD flags = 0;
};

Wanted wanted_for(Opening opening) {
  switch (opening) {
    case Opening::read:
      return {GENERIC_READ, OPEN_EXISTING};
    case Opening::modify:
      return {GENERIC_READ | GENERIC_WRITE | WRITE_DAC, OPEN_ALWAYS};
    case Opening::modify_no_link:
      return {GENERIC_READ | GENERIC_WRITE, OPEN_ALWAYS, FILE_FLAG_OPEN_REPARSE_POINT};
    case Opening::append:
      return {FILE_APPEND_DATA | SYNCHRONIZE, OPEN_ALWAYS};
    case Opening::create:
      return {GENERIC_READ | GENERIC_WRITE | WRITE_DAC, CREATE_NEW};
  }
  return {GENERIC_READ, OPEN_EXISTING};
}

HANDLE handle_of(int descriptor) { return reinterpret_cast<HANDLE>(_get_osfhandle(descriptor)); }

bool is_link(HANDLE file) {
  FILE_ATTRIBUTE_TAG_INFO facts{};
  return GetFileInformationByHandleEx(file, FileAttributeTagInfo, &facts, sizeof facts) != 0 &&
         (facts.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0;
}

int open_with(const fs::path& file, const Wanted& wanted) {
  // A virus scanner may have what was just written for itself: nobody need hear of that.
  HANDLE opened = INVALID_HANDLE_VALUE;
  std::error_code why;
  const std::string failure = "cannot open " + file.string();
  retry_while_busy(failure, [&]() -> std::error_code {
    opened = CreateFileW(file.c_str(), wanted.access, all_may, nullptr, wanted.disposition,
                         FILE_ATTRIBUTE_NORMAL | wanted.flags, nullptr);
    if (opened != INVALID_HANDLE_VALUE || GetLastError() != ERROR_SHARING_VIOLATION) return {};
    return windows::last_error();
  });
  if (opened == INVALID_HANDLE_VALUE) {
    windows::last_error();
    return -1;
  }
  if ((wanted.flags & FILE_FLAG_OPEN_REPARSE_POINT) != 0 && is_link(opened)) {
    CloseHandle(opened);
    errno = EACCES;
    return -1;
  }
  const int descriptor = _open_osfhandle(reinterpret_cast<intptr_t>(opened), _O_BINARY | _O_NOINHERIT);
  if (descriptor < 0) CloseHandle(opened);
  return descriptor;
}

OVERLAPPED at(std::uint64_t offset) {
  OVERLAPPED place{};
  place.Offset = static_cast<DWORD>(offset);
  place.OffsetHigh = static_cast<DWORD>(offset >> 32);
  return place;
}

DWORD piece_of(std::size_t size) { return static_cast<DWORD>(std::min(size, largest_piece)); }

/// Replaces the last six characters.
fs::path named_at_random(const fs::path& pattern, std::random_device& random) {
  static constexpr wchar_t letters[] = L"abcdefghijklmnopqrstuvwxyz0123456789";
  std::wstring name = pattern.native();
  for (std::size_t i = name.size() - 6; i < name.size(); ++i) name[i] = letters[random() % 36];
  return name;
}

}  // namespace

int open(const fs::path& file, Opening opening, unsigned) { return open_with(file, wanted_for(opening)); }

void close(int descriptor) { _close(descriptor); }

bool close_checked(int descriptor) { return _close(descriptor) == 0; }

std::ptrdiff_t read(int descriptor, char* target, std::size_t size) {
  DWORD count = 0;
  if (ReadFile(handle_of(descriptor), target, piece_of(size), &count, nullptr)) return count;
  if (GetLastError() == ERROR_HANDLE_EOF) return 0;
  windows::last_error();
  return -1;
}

std::ptrdiff_t read_at(int descriptor, char* target, std::size_t size, std::uint64_t offset) {
  OVERLAPPED place = at(offset);
  DWORD count = 0;
  if (ReadFile(handle_of(descriptor), target, piece_of(size), &count, &place)) return count;
  if (GetLastError() == ERROR_HANDLE_EOF) return 0;
  windows::last_error();
  return -1;
}

std::string_view write(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    DWORD count = 0;
    if (!WriteFile(handle_of(descriptor), bytes.data(), piece_of(bytes.size()), &count, nullptr)) {
      windows::last_error();
      break;
    }
    bytes.remove_prefix(count);
  }
  return bytes;
}

bool write_at(int descriptor, std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    OVERLAPPED place = at(offset);
    DWORD count = 0;
    if (!WriteFile(handle_of(descriptor), bytes.data(), piece_of(bytes.size()), &count, &place)) {
      windows::last_error();
      return false;
    }
    bytes.remove_prefix(count);
    offset += count;
  }
  return true;
}

bool sync(int descriptor) {
  if (FlushFileBuffers(handle_of(descriptor))) return true;
  windows::last_error();
  return false;
}

bool cut(int descriptor, std::uint64_t size) {
  LARGE_INTEGER end;
  end.QuadPart = static_cast<LONGLONG>(size);
  const HANDLE file = handle_of(descriptor);
  if (SetFilePointerEx(file, end, nullptr, FILE_BEGIN) && SetEndOfFile(file)) return true;
  windows::last_error();
  return false;
}

std::vector<std::int64_t> stamp(const fs::path& file) {
  const int opened = open(file, Opening::read);
  if (opened < 0) return {};
  BY_HANDLE_FILE_INFORMATION known{};
  FILE_BASIC_INFO times{};
  const bool well = GetFileInformationByHandle(handle_of(opened), &known) != 0 &&
                    GetFileInformationByHandleEx(handle_of(opened), FileBasicInfo, &times, sizeof times) != 0;
  close(opened);
  if (!well) return {};
  return {std::int64_t{known.dwVolumeSerialNumber},
          std::int64_t{known.nFileIndexHigh},
          std::int64_t{known.nFileIndexLow},
          std::int64_t{known.nFileSizeHigh},
          std::int64_t{known.nFileSizeLow},
          times.LastWriteTime.QuadPart,
          times.ChangeTime.QuadPart};
}

bool lock(int descriptor, bool wait) {
  // Far behind what any file has, for a locked byte cannot be read by others.
  OVERLAPPED place = at(std::uint64_t{1} << 62);
  const DWORD flags = LOCKFILE_EXCLUSIVE_LOCK | (wait ? 0 : LOCKFILE_FAIL_IMMEDIATELY);
  if (LockFileEx(handle_of(descriptor), flags, 0, 1, 0, &place)) return true;
  windows::last_error();
  if (GetLastError() == ERROR_IO_PENDING) errno = EWOULDBLOCK;
  return false;
}

Facts facts(int descriptor) {
  BY_HANDLE_FILE_INFORMATION known{};
  if (!GetFileInformationByHandle(handle_of(descriptor), &known)) return {};
  if ((known.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0) return {};
  return {true, std::uint64_t{known.nFileSizeHigh} << 32 | known.nFileSizeLow};
}

bool is_executable(const fs::path& file) {
  char first[4] = "";
  const int opened = open(file, Opening::read);
  if (opened < 0) return false;
  const std::ptrdiff_t size = read(opened, first, sizeof first);
  close(opened);
  const std::string_view begin(first, size > 0 ? static_cast<std::size_t>(size) : 0);
  // A script; a program of Linux; one of macOS.
  return begin.starts_with("#!") ||
         begin ==
             "\x7f"
             "ELF" ||
         begin == "\xcf\xfa\xed\xfe" || begin == "\xca\xfe\xba\xbe";
}

bool share_bytes(int, int) { return false; }

int temporary_file(fs::path& pattern) {
  std::random_device random;
  for (int i = 0; i < most_tries; ++i) {
    const fs::path name = named_at_random(pattern, random);
    const int descriptor = open(name, Opening::create);
    if (descriptor >= 0) pattern = name;
    if (descriptor >= 0 || errno != EEXIST) return descriptor;
  }
  return -1;
}

bool temporary_folder(fs::path& pattern) {
  std::random_device random;
  for (int i = 0; i < most_tries; ++i) {
    const fs::path name = named_at_random(pattern, random);
    const bool made = make_folder(name, 0700);
    if (made) pattern = name;
    if (made || errno != EEXIST) return made;
  }
  return false;
}

int nameless_file(const fs::path& folder) {
  std::random_device random;
  for (int i = 0; i < most_tries; ++i) {
    const fs::path name = named_at_random(folder / "upload-XXXXXX", random);
    const int descriptor =
        open_with(name, {GENERIC_READ | GENERIC_WRITE | DELETE, CREATE_NEW, FILE_FLAG_DELETE_ON_CLOSE});
    if (descriptor >= 0 || errno != EEXIST) return descriptor;
  }
  return -1;
}

bool make_folder(const fs::path& folder, unsigned mode) {
  const windows::SecurityDescriptor alone(windows::owner_alone);
  SECURITY_ATTRIBUTES attributes{sizeof(SECURITY_ATTRIBUTES), alone.get(), FALSE};
  if (CreateDirectoryW(folder.c_str(), (mode & 077) == 0 ? &attributes : nullptr)) return true;
  windows::last_error();
  return false;
}

std::error_code rename(const fs::path& from, const fs::path& to) {
  if (MoveFileExW(from.c_str(), to.c_str(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) return {};
  return windows::last_error();
}

bool may_start(const fs::path& file) {
  std::error_code none;
  return fs::is_regular_file(file, none);
}

// NTFS keeps a journal of its own.
bool sync_folder(const fs::path&) { return true; }

int silence_stderr() {
  std::fflush(stderr);
  const int kept = _dup(2);
  const int nowhere = _open("NUL", _O_WRONLY | _O_NOINHERIT);
  if (kept >= 0 && nowhere >= 0) _dup2(nowhere, 2);
  if (nowhere >= 0) _close(nowhere);
  return kept;
}

void restore_stderr(int kept) {
  if (kept < 0) return;
  _dup2(kept, 2);
  _close(kept);
}

int duplicate_stderr() { return _dup(2); }

}  // namespace opencat::descriptor
