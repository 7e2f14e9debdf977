// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace opencat {

/// UTF-8 text with upper and lower case made one, for comparing names; a byte that is no UTF-8 is itself, and
/// where the system knows no letters but ASCII's, only they are folded.
class LetterCase {
 public:
  LetterCase();
  LetterCase(const LetterCase&) = delete;
  LetterCase& operator=(const LetterCase&) = delete;
  ~LetterCase();

  std::string folded(const std::string& text) const;

 private:
  void* locale_ = nullptr;  ///< POSIX's locale_t
};

/// While this lives, this thread has the characters of all languages: libarchive shows a name in the locale's
/// characters, and shows none at all where they lack one of its.
class Utf8Locale {
 public:
  Utf8Locale();
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;
  ~Utf8Locale();

 private:
  void* locale_ = nullptr;
  void* before_ = nullptr;
};

}  // namespace opencat
