// SPDX-License-Identifier: MIT
// libstdc++ makes a path of a narrow string by mbrtowc(), and Windows' old C library, which mingw-w64 builds
// for, has no locale with UTF-8. This one takes its place in the executable: narrow strings are UTF-8 in all
// of this program.
#include <cerrno>
#include <cstring>
#include <cwchar>

namespace {

constexpr std::size_t malformed = static_cast<std::size_t>(-1);
constexpr std::size_t unfinished = static_cast<std::size_t>(-2);

bool continues(unsigned char byte) { return (byte & 0xc0) == 0x80; }

/// How many bytes a character has that begins like this; 0 for none that does.
std::size_t length_of(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  if (first >= 0xf0 && first < 0xf5) return 4;
  return 0;
}

std::size_t refuse() {
  errno = EILSEQ;
  return malformed;
}

}  // namespace

/// As in C, for UTF-8 and UTF-16: a character beyond U+FFFF comes as two, the first with three of its bytes,
/// which say all of it, and the second, kept in `state`, with the last.
extern "C" std::size_t mbrtowc(wchar_t* target, const char* text, std::size_t size, std::mbstate_t* state) {
  if (text == nullptr) return 0;
  if (size == 0) return unfinished;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text);
  if (state != nullptr && *state != 0) {
    if (!continues(bytes[0])) return refuse();
    if (target != nullptr) *target = static_cast<wchar_t>(*state | (bytes[0] & 0x3f));
    *state = 0;
    return 1;
  }
  const std::size_t length = length_of(bytes[0]);
  if (length == 0) return refuse();
  unsigned code = length == 1 ? bytes[0] : bytes[0] & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (i == size) return unfinished;
    if (!continues(bytes[i])) return refuse();
    code = code << 6 | (bytes[i] & 0x3fu);
  }
  const bool too_long = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (too_long || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return refuse();
  if (code < 0x10000) {
    if (target != nullptr) *target = static_cast<wchar_t>(code);
    return code == 0 ? 0 : length;
  }
  if (state == nullptr) return refuse();
  code -= 0x10000;
  if (target != nullptr) *target = static_cast<wchar_t>(0xd800 | code >> 10);
  *state = static_cast<std::mbstate_t>(0xdc00 | (code & 0x3c0));
  return 3;
}

// The C library has the next two in one object with its own, so that all three are replaced.
extern "C" std::size_t mbrlen(const char* text, std::size_t size, std::mbstate_t* state) {
  static thread_local std::mbstate_t own = 0;
  return mbrtowc(nullptr, text, size, state != nullptr ? state : &own);
}

extern "C" std::size_t mbsrtowcs(wchar_t* target, const char** text, std::size_t size,
                                 std::mbstate_t* state) {
  static thread_local std::mbstate_t own = 0;
  if (state == nullptr) state = &own;
  const char* at = *text;
  for (std::size_t count = 0;; ++count) {
    if (target != nullptr && count == size) {
      *text = at;
      return count;
    }
    wchar_t letter = 0;
    const std::size_t length = mbrtowc(&letter, at, std::strlen(at) + 1, state);
    if (length == malformed) {
      if (target != nullptr) *text = at;
      return malformed;
    }
    if (target != nullptr) target[count] = letter;
    if (length == 0) {
      if (target != nullptr) *text = nullptr;
      return count;
    }
    at += length;
  }
}
