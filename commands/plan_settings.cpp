// SPDX-License-Identifier: MIT
#include "commands/plan_settings.hpp"

#include <algorithm>

#include "commands/settings_table.hpp"

namespace opencat {

namespace {

constexpr std::int64_t most_requests = 1'000'000'000'000;
constexpr std::int64_t most_per_minute = 1'000'000;
const std::vector<std::string> known{"name",       "description", "daily_limit", "monthly_limit",
                                     "per_minute", "models",      "expires_at"};

Plan read_plan(const SettingsTable& table) {
  Plan plan;
  plan.name = table.text("name");
  if (!is_plan_name(plan.name))
    table.refuse("wants a 'name' of 1 to 40 of a-z, 0-9, '-' and '_', the first a letter or a digit");
  if (table.has("description")) plan.description = table.text("description");
  plan.daily_limit = table.optional_number("daily_limit", 0, most_requests);
  plan.monthly_limit = table.optional_number("monthly_limit", 0, most_requests);
  plan.per_minute = table.optional_number("per_minute", 1, most_per_minute);
  plan.models = table.texts("models");
  for (const std::string& model : plan.models) {
    if (model == "auto" || model.find_first_of("\r\n") != std::string::npos)
      table.refuse("wants names of models in 'models', as GET /v1/models lists them, without 'auto'");
  }
  plan.expires_at = table.text("expires_at");
  if (!plan.expires_at.empty() && !is_moment(plan.expires_at))
    table.refuse("wants a moment in UTC for 'expires_at', in quotes, such as \"2026-01-31T08:00:00Z\"");
  plan.from_file = true;
  return plan;
}

}  // namespace

std::vector<Plan> read_plans(const nlohmann::json& list) {
  std::vector<Plan> plans;
  if (list.is_null()) return plans;
  if (!list.is_array()) throw Error(ErrorKind::usage, "'plans' must be a list of tables: [[plans]]");
  for (const auto& item : list) {
    const std::string where = "plan " + std::to_string(plans.size() + 1);
    Plan plan = read_plan(SettingsTable(item, where, "[[plans]]", known));
    const bool twice =
        std::any_of(plans.begin(), plans.end(), [&](const Plan& one) { return one.name == plan.name; });
    if (twice) throw Error(ErrorKind::usage, "two plans are named '" + plan.name + "'");
    plans.push_back(std::move(plan));
  }
  return plans;
}

}  // namespace opencat
