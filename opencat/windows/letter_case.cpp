// SPDX-License-Identifier: MIT
#include "opencat/letter_case.hpp"

#include "opencat/windows/api.hpp"
#include "opencat/windows/wide.hpp"

namespace opencat {

LetterCase::LetterCase() = default;
LetterCase::~LetterCase() = default;

std::string LetterCase::folded(const std::string& text) const {
  std::wstring letters = windows::wide(text);
  const auto size = static_cast<DWORD>(letters.size());
  // Upper case first: some letters have several small ones.
  CharUpperBuffW(letters.data(), size);
  CharLowerBuffW(letters.data(), size);
  return windows::narrow(letters);
}

// libarchive keeps names as UTF-16 here.
Utf8Locale::Utf8Locale() = default;
Utf8Locale::~Utf8Locale() = default;

}  // namespace opencat
