// SPDX-License-Identifier: MIT
#include "opencat/letter_case.hpp"

#include <clocale>
#include <cwchar>
#include <cwctype>

#include "opencat/text.hpp"

namespace opencat {

LetterCase::LetterCase() : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {}

LetterCase::~LetterCase() {
  if (locale_ != nullptr) freelocale(static_cast<locale_t>(locale_));
}

std::string LetterCase::folded(const std::string& text) const {
  if (locale_ == nullptr) return lower(text);
  const locale_t before = uselocale(static_cast<locale_t>(locale_));
  std::string result;
  std::mbstate_t in{};
  std::mbstate_t out{};
  for (std::size_t at = 0; at < text.size();) {
    wchar_t letter = 0;
    const std::size_t length = std::mbrtowc(&letter, text.data() + at, text.size() - at, &in);
    if (length == 0 || length > text.size()) {
      // No UTF-8: such a byte is itself.
      result += text[at++];
      in = {};
      continue;
    }
    char bytes[16];
    // Upper case first: some letters have several small ones.
    const std::size_t size =
        std::wcrtomb(bytes, static_cast<wchar_t>(std::towlower(std::towupper(letter))), &out);
    if (size <= sizeof bytes) result.append(bytes, size);
    at += length;
  }
  uselocale(before);
  return result;
}

Utf8Locale::Utf8Locale() : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
  if (locale_ != nullptr) before_ = uselocale(static_cast<locale_t>(locale_));
}

Utf8Locale::~Utf8Locale() {
  if (locale_ == nullptr) return;
  uselocale(static_cast<locale_t>(before_));
  freelocale(static_cast<locale_t>(locale_));
}

}  // namespace opencat
