// SPDX-License-Identifier: MIT
#include "server/upstream/key_mask.hpp"

namespace opencat {

namespace {

constexpr std::string_view mark = "[key]";
/// A word is what could be one key: letters, digits, and what stands in keys or in place of their middle.
bool in_word(char c) {
  const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return alphanumeric || std::string_view("-_.*").find(c) != std::string_view::npos;
}

/// Whether a word quotes the key with its middle left out. Two letters may begin any word, so more must
/// agree.
bool quotes(std::string_view word, std::string_view key) {
  const std::size_t gap = std::min(word.find('*'), word.find("..."));
  if (gap == std::string_view::npos || gap < 2 || key.substr(0, gap) != word.substr(0, gap)) return false;
  const std::size_t tail_at = word.find_last_of("*.") + 1;
  const std::string_view tail = word.substr(tail_at);
  return gap >= 4 || tail.empty() ||
         (tail.size() <= key.size() && key.substr(key.size() - tail.size()) == tail);
}

}  // namespace

std::string without_key(std::string text, std::string_view key) {
  if (key.empty()) return text;
  for (std::size_t at = 0; (at = text.find(key, at)) != std::string::npos; at += mark.size()) {
    text.replace(at, key.size(), mark);
  }
  for (std::size_t at = 0; at < text.size();) {
    if (!in_word(text[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && in_word(text[end])) ++end;
    if (quotes(std::string_view(text).substr(at, end - at), key)) {
      text.replace(at, end - at, mark);
      end = at + mark.size();
    }
    at = end;
  }
  return text;
}

}  // namespace opencat
