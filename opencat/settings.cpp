// SPDX-License-Identifier: MIT
#include "opencat/settings.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat {

using Json = nlohmann::json;

namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& wants, const std::string& value,
                         const Setting& row) {
  throw Error(ErrorKind::usage, where + " wants " + wants + (row.secret ? "" : ", not '" + value + "'"));
}

/// What one `suffix` of the unit is worth; 0 when the unit does not know it.
std::int64_t worth(Unit unit, const std::string& suffix) {
  static const std::map<std::string, std::int64_t> seconds{
      {"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
  static const std::map<std::string, std::int64_t> bytes{
      {"", 1},      {"b", 1},          {"kib", 1ll << 10},   {"mib", 1ll << 20}, {"gib", 1ll << 30},
      {"kb", 1000}, {"mb", 1'000'000}, {"gb", 1'000'000'000}};
  if (unit == Unit::none) return suffix.empty() ? 1 : 0;
  const auto& table = unit == Unit::seconds ? seconds : bytes;
  const auto found = table.find(lower(suffix));
  return found == table.end() ? 0 : found->second;
}

std::int64_t maximum_of(const Setting& row) {
  // A timer's milliseconds must fit in 32 bits. What is no timer says its own maximum.
  constexpr std::int64_t longest_timer_s = 30LL * 86400;
  const bool unbounded = row.maximum == std::numeric_limits<std::int64_t>::max();
  return unbounded && row.unit == Unit::seconds ? longest_timer_s : row.maximum;
}

std::int64_t parse_number(const Setting& row, const std::string& where, const std::string& value) {
  const std::string wants = row.unit == Unit::seconds ? "a time such as 90, 90s, 15m or 2h"
                            : row.unit == Unit::bytes ? "a size such as 1048576, 512KiB or 10MiB"
                                                      : "a whole number";
  std::int64_t number = 0;
  const char* end = value.data() + value.size();
  const auto [rest, problem] = std::from_chars(value.data(), end, number);
  const std::int64_t factor = worth(row.unit, {rest, end});
  if (problem != std::errc{} || factor == 0) refuse(where, wants, value, row);
  if (number > std::numeric_limits<std::int64_t>::max() / factor)
    refuse(where, "a smaller number", value, row);
  number *= factor;
  if (number < row.minimum) refuse(where, "at least " + with_unit(row.minimum, row.unit), value, row);
  if (const std::int64_t most = maximum_of(row); number > most)
    refuse(where, "at most " + with_unit(most, row.unit), value, row);
  return number;
}

bool parse_bool(const Setting& row, const std::string& where, const std::string& value) {
  const std::string word = lower(value);
  if (word == "true" || word == "1" || word == "yes" || word == "on") return true;
  if (word == "false" || word == "0" || word == "no" || word == "off") return false;
  refuse(where, "true or false", value, row);
}

void check_choice(const Setting& row, const std::string& where, const std::string& value) {
  if (row.choices.empty() || contains(row.choices, value)) return;
  const auto near = nearest(value, row.choices);
  refuse(where, "one of " + join(row.choices, ", ") + (near ? " (did you mean " + *near + "?)" : ""), value,
         row);
}

/// Puts the values into the row's target. `where` names their source in messages.
void assign(Setting& row, const std::vector<std::string>& values, const std::string& where) {
  for (const std::string& value : values) check_choice(row, where, value);
  const std::string& last = values.back();
  if (auto* text = std::get_if<std::string*>(&row.target)) **text = last;
  if (auto* number = std::get_if<std::int64_t*>(&row.target)) **number = parse_number(row, where, last);
  if (auto* flag = std::get_if<bool*>(&row.target)) **flag = parse_bool(row, where, last);
  if (auto* path = std::get_if<std::filesystem::path*>(&row.target)) **path = last;
  if (auto* list = std::get_if<std::vector<std::string>*>(&row.target)) **list = values;
}

/// A file's value as the texts a flag would have had; arrays give several.
std::vector<std::string> texts_of(const Json& value, const std::string& where) {
  if (value.is_string()) return {value.get<std::string>()};
  if (value.is_number_integer() || value.is_boolean()) return {value.dump()};
  if (value.is_array() && !value.empty()) {
    std::vector<std::string> texts;
    for (const Json& item : value) {
      if (item.is_structured()) break;
      for (std::string& text : texts_of(item, where)) texts.push_back(std::move(text));
    }
    if (texts.size() == value.size()) return texts;
  }
  throw Error(ErrorKind::usage, where + " has a value of the wrong kind: " + value.dump());
}

/// The same with every member named "key" masked, however deep.
Json with_keys_masked(Json value) {
  if (!value.is_structured()) return value;
  for (auto item = value.begin(); item != value.end(); ++item) {
    const bool is_key = value.is_object() && item.key() == "key" && item->is_string();
    *item = is_key ? Json("********") : with_keys_masked(*item);
  }
  return value;
}

Json value_of(const Setting& row) {
  if (auto* json = std::get_if<Json*>(&row.target)) return with_keys_masked(**json);
  if (auto* text = std::get_if<std::string*>(&row.target)) {
    return row.secret && !(*text)->empty() ? Json("********") : Json(**text);
  }
  if (auto* number = std::get_if<std::int64_t*>(&row.target)) return **number;
  if (auto* flag = std::get_if<bool*>(&row.target)) return **flag;
  if (auto* path = std::get_if<std::filesystem::path*>(&row.target)) return (*path)->string();
  return **std::get_if<std::vector<std::string>*>(&row.target);
}

std::string origin_text(const Setting& row) {
  switch (row.origin) {
    case Origin::built_in:
      return "default";
    case Origin::file:
      return "file " + row.origin_name;
    case Origin::environment:
      return "environment " + row.origin_name;
    case Origin::flag:
      return "flag";
  }
  return {};
}

}  // namespace

std::string with_unit(std::int64_t number, Unit unit) {
  using Steps = std::vector<std::pair<std::int64_t, const char*>>;
  static const Steps seconds{{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};
  static const Steps bytes{{1ll << 30, "GiB"}, {1ll << 20, "MiB"}, {1ll << 10, "KiB"}};
  if (unit == Unit::none || number == 0) return std::to_string(number);
  for (const auto& [worth, suffix] : unit == Unit::seconds ? seconds : bytes) {
    if (number % worth == 0) return std::to_string(number / worth) + suffix;
  }
  return std::to_string(number);
}

void Settings::apply_file(const Json& config, const std::string& file_name) {
  for (Setting& row : rows_) {
    if (row.key.empty()) continue;
    Json::json_pointer pointer;
    for (const std::string& part : split(row.key, '.')) pointer /= part;
    if (!config.contains(pointer)) continue;
    const std::string where = file_name + ": " + row.key;
    if (auto* json = std::get_if<Json*>(&row.target)) {
      **json = config.at(pointer);
    } else {
      assign(row, texts_of(config.at(pointer), where), where);
    }
    row.origin = Origin::file;
    row.origin_name = file_name;
  }
}

void Settings::apply_environment(const Environment& environment) {
  for (Setting& row : rows_) {
    for (const std::string& name : row.env) {
      const auto value = environment.get(name);
      if (!value) continue;
      const bool list = std::holds_alternative<std::vector<std::string>*>(row.target);
      assign(row, list ? split(*value, ',') : std::vector{*value}, name);
      row.origin = Origin::environment;
      row.origin_name = name;
      break;
    }
  }
}

void Settings::apply_flags(const std::map<std::string, std::vector<std::string>>& flags) {
  for (Setting& row : rows_) {
    const auto found = flags.find(row.flag);
    if (found == flags.end() || found->second.empty()) continue;
    assign(row, found->second, row.flag);
    row.origin = Origin::flag;
  }
}

Origin Settings::origin_of(const std::string& flag) const {
  for (const Setting& row : rows_) {
    if (row.flag == flag) return row.origin;
  }
  return Origin::built_in;
}

Json Settings::shown() const {
  Json result = Json::object();
  for (const Setting& row : rows_) {
    result[row.flag.empty() ? row.key : row.flag] = {{"value", value_of(row)}, {"origin", origin_text(row)}};
  }
  return result;
}

}  // namespace opencat
