// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat {

/// One table of the configuration file, with its place in messages. What is wrong is Error(usage).
class SettingsTable {
 public:
  /// `head` is how one begins, e.g. "[[upstreams]]".
  SettingsTable(const nlohmann::json& table, std::string where, const std::string& head,
                const std::vector<std::string>& known)
      : table_(table), where_(std::move(where)) {
    if (!table.is_object()) refuse("must be a table, as in " + head);
    for (const auto& [name, value] : table.items()) {
      if (contains(known, name)) continue;
      const auto near = nearest(name, known);
      refuse("has no setting '" + name + "'" + (near ? "; did you mean '" + *near + "'?" : ""));
    }
  }

  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(ErrorKind::usage, where_ + " " + what);
  }

  bool has(const char* name) const { return table_.contains(name); }

  std::string text(const char* name) const {
    const auto found = table_.find(name);
    if (found == table_.end()) return {};
    if (!found->is_string() || found->get_ref<const std::string&>().empty())
      refuse(std::string("wants a text for '") + name + "'");
    return found->get<std::string>();
  }

  int number(const char* name, int otherwise, int least) const {
    const auto found = table_.find(name);
    if (found == table_.end()) return otherwise;
    if (!found->is_number_integer() || found->get<std::int64_t>() < least ||
        found->get<std::int64_t>() > 1'000'000) {
      refuse(std::string("wants a number from ") + std::to_string(least) + " to 1000000 for '" + name + "'");
    }
    return found->get<int>();
  }

  /// Nothing where it is not there.
  std::optional<std::int64_t> optional_number(const char* name, std::int64_t least, std::int64_t most) const {
    const auto found = table_.find(name);
    if (found == table_.end()) return std::nullopt;
    if (!found->is_number_integer() || found->get<std::int64_t>() < least ||
        found->get<std::int64_t>() > most) {
      refuse("wants a number from " + std::to_string(least) + " to " + std::to_string(most) + " for '" +
             name + "'");
    }
    return found->get<std::int64_t>();
  }

  std::vector<std::string> texts(const char* name) const {
    std::vector<std::string> list;
    const auto found = table_.find(name);
    if (found == table_.end()) return list;
    if (!found->is_array()) refuse(std::string("wants a list for '") + name + "'");
    for (const nlohmann::json& item : *found) {
      if (!item.is_string() || item.get_ref<const std::string&>().empty())
        refuse(std::string("wants texts in '") + name + "'");
      list.push_back(item.get<std::string>());
    }
    return list;
  }

  std::map<std::string, std::string> pairs(const char* name) const {
    std::map<std::string, std::string> map;
    const auto found = table_.find(name);
    if (found == table_.end()) return map;
    if (!found->is_object()) refuse(std::string("wants a table for '") + name + "'");
    for (const auto& [from, to] : found->items()) {
      if (!to.is_string()) refuse("wants a model's name for '" + from + "' in '" + name + "'");
      map.emplace(from, to.get<std::string>());
    }
    return map;
  }

 private:
  const nlohmann::json& table_;
  std::string where_;
};

}  // namespace opencat
