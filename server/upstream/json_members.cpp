// SPDX-License-Identifier: MIT
#include "server/upstream/json_members.hpp"

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "server/upstream/json_text.hpp"

namespace opencat {

namespace {

/// Walks over JSON that is known to be valid.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }
  char peek() const { return text_[at_]; }
  void step() { ++at_; }

  std::string_view string() {
    const std::size_t begin = at_;
    std::size_t quote = begin;
    do {
      quote = text_.find('"', quote + 1);
    } while (is_escaped(quote));
    at_ = quote + 1;
    return text_.substr(begin, at_ - begin);
  }

  std::string_view value() {
    const std::size_t begin = at_;
    if (peek() == '"') return string();
    int depth = 0;
    // Ends at the first comma or bracket that is not the value's own.
    while (at_ < text_.size()) {
      const char c = peek();
      if (c == '"') {
        string();
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') {
        if (depth == 0) break;
        --depth;
      }
      if (c == ',' && depth == 0) break;
      ++at_;
    }
    std::size_t end = at_;
    while (end > begin && std::string_view(" \t\r\n").find(text_[end - 1]) != std::string_view::npos) --end;
    return text_.substr(begin, end - begin);
  }

 private:
  /// An odd number of backslashes stands before it.
  bool is_escaped(std::size_t at) const {
    std::size_t first = at;
    while (text_[first - 1] == '\\') --first;
    return (at - first) % 2 == 1;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string json_string(std::string_view text) {
  // Nearly all have no escape, and then they are what stands between the quotes.
  if (text.size() >= 2 && text.front() == '"' && text.find('\\') == std::string_view::npos) {
    return std::string(text.substr(1, text.size() - 2));
  }
  // Half of a surrogate pair is allowed in a text, but is no character that a name could be compared by.
  const nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
  if (!value.is_string()) throw Error(ErrorKind::usage, "the body has a name that is not valid Unicode");
  return value.get<std::string>();
}

JsonMembers::JsonMembers(std::string_view text) : text_(text) {
  if (!is_json(text)) throw Error(ErrorKind::usage, "the body is not valid JSON");
  Scanner scanner(text);
  scanner.skip_space();
  if (scanner.peek() != '{') throw Error(ErrorKind::usage, "the body must be a JSON object");
  scanner.step();
  scanner.skip_space();
  while (scanner.peek() != '}') {
    const std::string_view name = scanner.string();
    scanner.skip_space();
    scanner.step();  // the colon
    scanner.skip_space();
    members_.push_back({json_string(name), scanner.value()});
    scanner.skip_space();
    if (scanner.peek() == ',') scanner.step();
    scanner.skip_space();
  }
}

std::optional<std::string_view> JsonMembers::find(std::string_view name) const {
  for (auto member = members_.rbegin(); member != members_.rend(); ++member) {
    if (member->name == name) return member->value;
  }
  return std::nullopt;
}

void JsonMembers::set(std::string name, std::string json) {
  std::erase_if(changes_, [&](const auto& change) { return change.first == name; });
  changes_.emplace_back(std::move(name), std::move(json));
}

std::string JsonMembers::bytes() const {
  std::string result;
  std::string_view rest = text_;
  std::string behind;
  for (const Member& member : members_) {
    for (const auto& [name, json] : changes_) {
      if (member.name != name) continue;
      const auto before = static_cast<std::size_t>(member.value.data() - rest.data());
      result.append(rest.substr(0, before)).append(json);
      rest.remove_prefix(before + member.value.size());
    }
  }
  for (const auto& [name, json] : changes_) {
    if (find(name)) continue;
    if (!members_.empty() || !behind.empty()) behind += ',';
    behind.append(nlohmann::json(name).dump()).append(":").append(json);
  }
  const std::size_t close = rest.rfind('}');
  return result.append(rest.substr(0, close)).append(behind).append(rest.substr(close));
}

}  // namespace opencat
