// SPDX-License-Identifier: MIT
#include "bundle/people.hpp"

#include <algorithm>
#include <initializer_list>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "opencat/file_names.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace {

constexpr std::size_t most_people = 10'000;
constexpr std::size_t longest_label = 200;  // bytes, as the server has it (docs/protocol.md)
constexpr std::size_t longest_folder = 60;  // bytes, so that paths stay short

struct Row {
  std::size_t line;
  std::vector<std::string> cells;
};

[[noreturn]] void refuse(const std::string& where, std::size_t line, const std::string& why) {
  throw Error(ErrorKind::usage, where + ", line " + std::to_string(line) + ": " + why);
}

/// Reads one cell from `at` on, which is left at its comma, line end or the end of the text.
std::string read_cell(std::string_view text, std::size_t& at, std::size_t& line, const std::string& where) {
  std::string cell;
  if (at >= text.size() || text[at] != '"') {
    while (at < text.size() && text[at] != ',' && text[at] != '\n' && text[at] != '\r') {
      if (text[at] == '"') refuse(where, line, "a quote within a cell that does not begin with one");
      cell += text[at++];
    }
    return cell;
  }
  const std::size_t began = line;
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\n') ++line;
    if (text[at] == '"' && (at + 1 == text.size() || text[at + 1] != '"')) break;
    if (text[at] == '"') ++at;
    cell += text[at];
  }
  if (at >= text.size()) refuse(where, began, "a quote that is not closed");
  ++at;
  if (at < text.size() && text[at] != ',' && text[at] != '\n' && text[at] != '\r') {
    refuse(where, line, "something behind a closing quote");
  }
  return cell;
}

std::vector<Row> read_rows(std::string_view text, const std::string& where) {
  std::vector<Row> rows;
  std::size_t at = 0;
  for (std::size_t line = 1; at < text.size(); ++line) {
    Row row{line, {}};
    row.cells.push_back(read_cell(text, at, line, where));
    while (at < text.size() && text[at] == ',') row.cells.push_back(read_cell(text, ++at, line, where));
    if (at < text.size() && text[at] == '\r') ++at;
    if (at < text.size() && text[at] == '\n') ++at;
    const bool empty =
        std::all_of(row.cells.begin(), row.cells.end(), [](const auto& cell) { return trim(cell).empty(); });
    if (!empty) rows.push_back(std::move(row));
    if (rows.size() > most_people + 1) {
      throw Error(ErrorKind::usage, where + " has more than 10,000 people; split it");
    }
  }
  return rows;
}

bool is_utf8(std::string_view text) {
  try {
    (void)nlohmann::json(text).dump();  // which is strict about it
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

/// The column that a first row calls one of these; nothing: none.
std::optional<std::size_t> column_of(const Row& first, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    for (std::size_t i = 0; i < first.cells.size(); ++i) {
      if (lower(trim(first.cells[i])) == name) return i;
    }
  }
  return std::nullopt;
}

/// Letters, digits and what is not ASCII stay; all else is a dash.
std::string slug(const std::string& label) {
  std::string name;
  for (const char c : label) {
    const bool stays =
        static_cast<unsigned char>(c) >= 0x80 || std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    if (stays) name += c;
    if (!stays && !name.empty() && name.back() != '-') name += '-';
  }
  if (name.size() > longest_folder) {
    std::size_t end = longest_folder;
    while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;
    name.resize(end);
  }
  while (!name.empty() && name.back() == '-') name.pop_back();
  if (name.empty()) return "user";
  // Else it is a device of Windows.
  return is_safe_relative_path(name) ? name : "user-" + name;
}

/// Gives each a folder that no other has: the second 张伟 is 张伟-2.
void give_folders(std::vector<Person>& people) {
  TakenNames taken;
  for (Person& person : people) {
    const std::string name = slug(person.label);
    person.folder = name;
    for (int number = 2; taken.take_file(person.folder); ++number)
      person.folder = fmt::format("{}-{}", name, number);
  }
}

void check_text(const std::string& text, const std::string& what, const std::string& where,
                std::size_t line) {
  if (text.size() > longest_label) refuse(where, line, "its " + what + " has more than 200 bytes");
  if (printable(text) != text) refuse(where, line, "its " + what + " has a control character");
}

std::string cell_of(const Row& row, std::size_t column) {
  return std::string(column < row.cells.size() ? trim(row.cells[column]) : "");
}

}  // namespace

std::vector<Person> read_people(std::string_view csv, const std::string& where, const std::string& plan) {
  if (csv.substr(0, 3) == "\xef\xbb\xbf") csv.remove_prefix(3);
  if (!is_utf8(csv)) {
    throw Error(ErrorKind::usage, where + " is not in UTF-8; save it as \"CSV UTF-8\"");
  }
  const std::vector<Row> rows = read_rows(csv, where);
  const auto named = rows.empty() ? std::nullopt : column_of(rows.front(), {"label", "name", "标签", "姓名"});
  const auto plans = named ? column_of(rows.front(), {"plan", "套餐"}) : std::nullopt;
  std::vector<Person> people;
  for (std::size_t i = named ? 1 : 0; i < rows.size(); ++i) {
    const std::string label = cell_of(rows[i], named.value_or(0));
    if (label.empty()) refuse(where, rows[i].line, "has no label");
    const std::string own_plan = plans ? cell_of(rows[i], *plans) : "";
    check_text(label, "label", where, rows[i].line);
    check_text(own_plan, "plan", where, rows[i].line);
    people.push_back({label, {}, own_plan.empty() ? plan : own_plan});
  }
  if (people.empty()) throw Error(ErrorKind::usage, where + " names nobody");
  if (people.size() > most_people)
    throw Error(ErrorKind::usage, where + " has more than 10,000 people; split it");
  give_folders(people);
  return people;
}

std::vector<Person> numbered_people(std::int64_t count, const std::string& label, const std::string& plan) {
  if (count < 1 || count > static_cast<std::int64_t>(most_people)) {
    throw Error(ErrorKind::usage, "--count wants a number from 1 to 10,000, not " + std::to_string(count));
  }
  const std::string base = label.empty() ? "user" : label;
  const std::size_t digits = std::to_string(count).size();
  std::vector<Person> people;
  for (std::int64_t i = 1; i <= count; ++i)
    people.push_back({fmt::format("{} {:0{}}", base, i, digits), {}, plan});
  give_folders(people);
  return people;
}

std::vector<std::string> plans_of(const std::vector<Person>& people) {
  std::vector<std::string> plans;
  for (const Person& person : people) plans.push_back(person.plan);
  return plans;
}

std::string csv_cell(const std::string& text) {
  const bool formula = !text.empty() && text.find_first_of("=+-@") == 0;
  std::string safe = formula ? "'" + text : text;
  if (safe.find_first_of(",\"\r\n") == std::string::npos) return safe;
  std::string quoted = "\"";
  for (const char c : safe) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

}  // namespace opencat
