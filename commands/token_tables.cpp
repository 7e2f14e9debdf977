// SPDX-License-Identifier: MIT
#include "commands/token_tables.hpp"

#include <nlohmann/json.hpp>

#include "commands/runtime_settings.hpp"
#include "opencat/text.hpp"

namespace opencat {

using Json = nlohmann::json;

namespace {

/// A member as text; "-" when there is none. Labels come from users.
std::string cell(const Json& object, const char* name) {
  const Json value = object.value(name, Json());
  if (value.is_null()) return "-";
  const std::string text = value.is_string() ? printable(value.get<std::string>()) : value.dump();
  return text.empty() ? "-" : text;
}

std::string used_of(const Json& token, const std::string& period) {
  const Json& quota = token.at("quota");
  return cell(quota, (period + "_used").c_str()) + "/" + cell(quota, (period + "_limit").c_str());
}

std::vector<std::string> usage_cells(const Json& row) {
  const Json& estimated = row.at("estimated");
  return {cell(row, "requests"), cell(row, "prompt_tokens"), cell(row, "completion_tokens"),
          std::to_string(estimated.value("prompt_tokens", std::int64_t{0}) +
                         estimated.value("completion_tokens", std::int64_t{0}))};
}

}  // namespace

std::string token_list_text(const Json& answer) {
  std::vector<std::vector<std::string>> rows{
      {"ID", "TOKEN", "STATUS", "PLATFORM", "PLAN", "TODAY", "MONTH", "LAST USED", "LABEL"}};
  for (const Json& token : answer.at("tokens")) {
    rows.push_back({cell(token, "id"), cell(token, "token"), cell(token, "status"), cell(token, "platform"),
                    cell(token, "plan"), used_of(token, "daily"), used_of(token, "monthly"),
                    cell(token, "last_used_at"), cell(token, "label")});
  }
  const auto total = answer.at("total").get<std::int64_t>();
  const auto limit = answer.at("limit").get<std::int64_t>();
  const std::int64_t pages = std::max<std::int64_t>(1, (total + limit - 1) / limit);
  std::string text = table(rows) + std::to_string(total) + (total == 1 ? " token" : " tokens");
  if (pages > 1) {
    text += ", page " + cell(answer, "page") + " of " + std::to_string(pages) + " (--page, --limit)";
  }
  return text + "\n";
}

std::string token_text(const Json& token) {
  std::vector<std::vector<std::string>> rows;
  for (const char* name : {"id", "token", "status", "label", "platform", "install_id", "version",
                           "created_at", "last_used_at", "plan", "expires_at"}) {
    rows.push_back({name, cell(token, name)});
  }
  rows.push_back({"today", used_of(token, "daily") + " requests"});
  rows.push_back({"month", used_of(token, "monthly") + " requests"});
  return table(rows);
}

std::string issued_text(const Json& answer) {
  std::vector<std::vector<std::string>> rows{{"ID", "TOKEN", "CHAT PAGE"}};
  const Json tokens = answer.contains("tokens") ? answer.at("tokens") : Json::array({answer});
  for (const Json& token : tokens) {
    rows.push_back({cell(token, "id"), cell(token, "token"), cell(token, "chat_url")});
  }
  return table(rows);
}

std::string usage_text(const Json& answer) {
  const std::string group = answer.at("group").get<std::string>();
  std::vector<std::vector<std::string>> rows{{group == "day"     ? "DAY"
                                              : group == "token" ? "TOKEN"
                                              : group == "plan"  ? "PLAN"
                                                                 : "MODEL",
                                              "REQUESTS", "PROMPT TOKENS", "COMPLETION TOKENS",
                                              "OF THESE ESTIMATED"}};
  const auto add = [&](const std::string& name, const Json& row) {
    std::vector<std::string> cells{name};
    for (std::string& one : usage_cells(row)) cells.push_back(std::move(one));
    rows.push_back(std::move(cells));
  };
  for (const Json& row : answer.at("usage")) {
    const std::string key = cell(row, group == "day" ? "date" : group == "token" ? "id" : group.c_str());
    add(row.contains("label") && !row.at("label").empty() ? key + " " + cell(row, "label") : key, row);
  }
  add("all", answer.at("total"));
  return table(rows);
}

}  // namespace opencat
