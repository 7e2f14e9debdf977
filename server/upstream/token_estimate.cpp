// SPDX-License-Identifier: MIT
#include "server/upstream/token_estimate.hpp"

#include <algorithm>
#include <array>

namespace opencat {

namespace {

/// Counts that can be added up before they are divided: many small pieces would each round up.
struct Count {
  std::int64_t ascii = 0;
  std::int64_t other = 0;

  void add(std::string_view json_text) {
    for (std::size_t i = 0; i < json_text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(json_text[i]);
      if (byte == '\\' && i + 1 < json_text.size()) {
        // "\u4f60" is one character; all other escapes are one byte of ASCII.
        const bool coded = json_text[i + 1] == 'u';
        i += coded ? 5 : 1;
        ++(coded ? other : ascii);
      } else if (byte < 0x80) {
        ++ascii;
      } else if (byte >= 0xC0) {
        ++other;
      }
    }
  }
  std::int64_t tokens() const { return (ascii + 3) / 4 + other; }
};

/// The end of the string that begins behind the quote at `at`: where its closing quote stands.
std::size_t string_end(std::string_view json, std::size_t at) {
  while (at < json.size() && json[at] != '"') at += json[at] == '\\' ? 2 : 1;
  return std::min(at, json.size());
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Calls `on_text` for each text value with the name it stands under; those of an array stand under its name.
template <class OnText>
void each_text(std::string_view json, const OnText& on_text) {
  std::string_view name;
  for (std::size_t at = 0;;) {
    // Quotes stand close to one another: to look at each byte is quicker than to call memchr() for each gap.
    while (at < json.size() && json[at] != '"') ++at;
    if (at == json.size()) return;
    const std::size_t end = string_end(json, at + 1);
    const std::string_view text = json.substr(at + 1, end - at - 1);
    at = std::min(end + 1, json.size());
    std::size_t next = at;
    while (next < json.size() && is_space(json[next])) ++next;
    if (next < json.size() && json[next] == ':') {
      name = text;
    } else {
      on_text(name, text);
    }
  }
}

}  // namespace

std::int64_t estimated_tokens(std::string_view text) {
  Count count;
  count.add(text);
  return count.tokens();
}

std::int64_t estimated_prompt_tokens(std::string_view json) {
  Count count;
  each_text(json, [&](std::string_view name, std::string_view text) {
    if (name == "model" || name == "role" || name == "type" || text.substr(0, 5) == "data:") return;
    // Anthropic's pictures are base64 under "data".
    if (name == "data" && text.size() > 1024) return;
    count.add(text);
  });
  return count.tokens();
}

std::int64_t estimated_answer_tokens(std::string_view json) {
  static constexpr std::array<std::string_view, 8> names{
      "content", "reasoning_content", "text", "delta", "arguments", "partial_json", "thinking", "refusal"};
  Count count;
  each_text(json, [&](std::string_view name, std::string_view text) {
    if (std::find(names.begin(), names.end(), name) != names.end()) count.add(text);
  });
  return count.tokens();
}

}  // namespace opencat
