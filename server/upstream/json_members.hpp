// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace opencat {

/// The members of a JSON object as they are written: so that one can be changed and every other byte, such as
/// a number no parser can hold, stays what it was.
class JsonMembers {
 public:
  /// Throws Error(usage) unless `text` is one JSON object in valid UTF-8. `text` must outlive this.
  explicit JsonMembers(std::string_view text);

  /// The member's value as written; of several with one name the last, as parsers have it.
  std::optional<std::string_view> find(std::string_view name) const;

  /// Sets a member to a JSON text, when bytes() is made: in its place, or behind the others.
  void set(std::string name, std::string json);
  /// The object with what was set.
  std::string bytes() const;

 private:
  struct Member {
    std::string name;
    std::string_view value;
  };
  std::string_view text_;
  std::vector<Member> members_;
  std::vector<std::pair<std::string, std::string>> changes_;
};

/// The text that a JSON string holds; throws Error(usage) when that is no Unicode.
std::string json_string(std::string_view text);

}  // namespace opencat
