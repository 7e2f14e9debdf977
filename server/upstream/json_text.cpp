// SPDX-License-Identifier: MIT
#include "server/upstream/json_text.hpp"

#include <cstddef>
#include <vector>

namespace opencat {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
/// A byte that stands for itself in a string, which most do.
bool is_plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}
bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/// Each function takes what it is named after off the front of the text, or returns false.
class Checker {
 public:
  explicit Checker(std::string_view text) : rest_(text) {}

  bool document() {
    skip_space();
    do {
      if (!value_or_opening()) return false;
    } while (!open_.empty());
    skip_space();
    return rest_.empty();
  }

 private:
  bool next_is(char c) const { return !rest_.empty() && rest_.front() == c; }
  bool take(char c) {
    if (!next_is(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool word(std::string_view expected) {
    if (rest_.substr(0, expected.size()) != expected) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  void skip_space() {
    while (next_is(' ') || next_is('\t') || next_is('\n') || next_is('\r')) rest_.remove_prefix(1);
  }

  /// A whole simple value with the closings behind it, or a bracket with what leads to its first value.
  bool value_or_opening() {
    if (rest_.empty()) return false;
    const char first = rest_.front();
    if (first == '{' || first == '[') {
      rest_.remove_prefix(1);
      open_.push_back(first == '{');
      skip_space();
      if (!next_is(first == '{' ? '}' : ']')) return first == '[' || name();
      return closings();
    }
    if (!simple_value()) return false;
    return closings();
  }

  bool simple_value() {
    switch (rest_.front()) {
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }

  /// Behind a value: the closing brackets, then a comma with what leads to the next value, unless all is
  /// closed.
  bool closings() {
    while (!open_.empty()) {
      skip_space();
      if (take(',')) {
        skip_space();
        return !open_.back() || name();
      }
      if (!take(open_.back() ? '}' : ']')) return false;
      open_.pop_back();
    }
    return true;
  }

  bool name() {
    if (!next_is('"') || !string()) return false;
    skip_space();
    if (!take(':')) return false;
    skip_space();
    return true;
  }

  bool digits() {
    if (rest_.empty() || !is_digit(rest_.front())) return false;
    while (!rest_.empty() && is_digit(rest_.front())) rest_.remove_prefix(1);
    return true;
  }

  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (!take('e') && !take('E')) return true;
    if (!take('+')) take('-');
    return digits();
  }

  bool string() {
    rest_.remove_prefix(1);
    while (true) {
      std::size_t plain = 0;
      while (plain < rest_.size() && is_plain(rest_[plain])) ++plain;
      rest_.remove_prefix(plain);
      if (rest_.empty()) return false;
      const auto byte = static_cast<unsigned char>(rest_.front());
      if (byte == '"') return take('"');
      if (byte < 0x20) return false;
      if (byte == '\\') {
        if (!escape()) return false;
      } else if (!character(byte)) {
        return false;
      }
    }
  }

  bool escape() {
    if (rest_.size() < 2) return false;
    const char kind = rest_[1];
    rest_.remove_prefix(2);
    if (kind != 'u') return std::string_view("\"\\/bfnrt").find(kind) != std::string_view::npos;
    for (int i = 0; i < 4; ++i) {
      if (rest_.empty() || !is_hex_digit(rest_.front())) return false;
      rest_.remove_prefix(1);
    }
    return true;
  }

  /// One character of several bytes: no overlong form, no surrogate, nothing beyond U+10FFFF (RFC 3629).
  bool character(unsigned char lead) {
    const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || rest_.size() < size) return false;
    const auto second = static_cast<unsigned char>(rest_[1]);
    const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (second < low || second > high) return false;
    for (std::size_t i = 2; i < size; ++i) {
      if ((static_cast<unsigned char>(rest_[i]) & 0xC0) != 0x80) return false;
    }
    rest_.remove_prefix(size);
    return true;
  }

  std::string_view rest_;
  std::vector<bool> open_;  ///< the brackets not closed yet; true: an object
};

}  // namespace

bool is_json(std::string_view text) { return Checker(text).document(); }

}  // namespace opencat
