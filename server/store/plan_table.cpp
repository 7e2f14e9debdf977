// SPDX-License-Identifier: MIT
#include "server/store/plan_table.hpp"

#include "server/store/effective.hpp"

namespace opencat {

namespace {

// Statements are made when they are needed: an operator asks for plans, requests do not.
constexpr const char* select_plans =
    "SELECT name, description, daily_limit, monthly_limit, per_minute, models, coalesce(expires_at, ''), "
    "source = 'file', (SELECT count(*) FROM tokens WHERE plan = plans.name AND deleted_at IS NULL) FROM "
    "plans ";

PlanUse plan_at(SQLite::Statement& row) {
  const auto number = [&](int column) {
    const auto value = row.getColumn(column);
    return value.isNull() ? std::nullopt : std::optional(value.getInt64());
  };
  Plan plan;
  plan.name = row.getColumn(0).getString();
  plan.description = row.getColumn(1).getString();
  plan.daily_limit = number(2);
  plan.monthly_limit = number(3);
  plan.per_minute = number(4);
  plan.models = split_models(row.getColumn(5).getString());
  plan.expires_at = row.getColumn(6).getString();
  plan.from_file = row.getColumn(7).getInt() != 0;
  return {std::move(plan), row.getColumn(8).getInt64()};
}

void bind_or_null(SQLite::Statement& statement, int index, const std::optional<std::int64_t>& number) {
  if (number) statement.bind(index, *number);
}

}  // namespace

std::vector<PlanUse> PlanTable::list() {
  std::vector<PlanUse> plans;
  SQLite::Statement rows(database_, std::string(select_plans) + "ORDER BY name");
  while (rows.executeStep()) plans.push_back(plan_at(rows));
  return plans;
}

std::optional<PlanUse> PlanTable::find(const std::string& name) {
  SQLite::Statement row(database_, std::string(select_plans) + "WHERE name = ?1");
  row.bind(1, name);
  return row.executeStep() ? std::optional(plan_at(row)) : std::nullopt;
}

/// Makes it, or makes the one of its name so.
void PlanTable::put(const Plan& plan, const QuotaPeriod& period) {
  SQLite::Statement put(
      database_,
      "INSERT INTO plans (name, description, daily_limit, monthly_limit, per_minute, models, expires_at, "
      "source) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, nullif(?7, ''), ?8) ON CONFLICT DO UPDATE SET "
      "description = excluded.description, daily_limit = excluded.daily_limit, "
      "monthly_limit = excluded.monthly_limit, per_minute = excluded.per_minute, models = excluded.models, "
      "expires_at = excluded.expires_at, source = excluded.source");
  put.bind(1, plan.name);
  put.bind(2, plan.description);
  bind_or_null(put, 3, plan.daily_limit);
  bind_or_null(put, 4, plan.monthly_limit);
  bind_or_null(put, 5, plan.per_minute);
  put.bind(6, joined_models(plan.models));
  put.bind(7, plan.expires_at);
  put.bind(8, plan.from_file ? "file" : "api");
  put.exec();
  SQLite::Statement mark(
      database_, "UPDATE plans SET used_up_until = " + plan_marker(limits_, "?2") + " WHERE name = ?1");
  mark.bind(1, plan.name);
  mark.bind(2, last_day(period));
  mark.exec();
}

bool PlanTable::add(const Plan& plan, const QuotaPeriod& period) {
  if (find(plan.name)) return false;
  put(plan, period);
  return true;
}

std::optional<Plan> PlanTable::edit(const std::string& name, const AdminStore::EditPlan& edit,
                                    const QuotaPeriod& period) {
  auto found = find(name);
  if (!found) return std::nullopt;
  edit(found->plan);
  put(found->plan, period);
  return std::move(found->plan);
}

PlanRemoval PlanTable::remove(const std::string& name, const std::optional<std::string>& move_to,
                              const QuotaPeriod& period) {
  PlanRemoval removal;
  removal.found = find(name).has_value();
  if (!removal.found) return removal;
  SQLite::Statement count(database_, "SELECT count(*) FROM tokens WHERE plan = ?1");
  count.bind(1, name);
  count.executeStep();
  removal.tokens = count.getColumn(0).getInt64();
  if (removal.tokens > 0 && !move_to) return removal;
  if (move_to) {
    SQLite::Statement move(database_, "UPDATE tokens SET plan = ?2, used_up_until = ?3 WHERE plan = ?1");
    move.bind(1, name);
    move.bind(2, *move_to);
    move.bind(3, last_day(period));
    move.exec();
  }
  SQLite::Statement remove(database_, "DELETE FROM plans WHERE name = ?1");
  remove.bind(1, name);
  remove.exec();
  return removal;
}

void PlanTable::keep_file_plans(const std::vector<Plan>& plans, const QuotaPeriod& period) {
  database_.exec("UPDATE plans SET source = 'api' WHERE source = 'file'");
  // What they leave open is the server's, which may have changed since they were looked at.
  SQLite::Statement mark(database_, "UPDATE plans SET used_up_until = " + plan_marker(limits_, "?1") +
                                        " WHERE daily_limit IS NULL OR monthly_limit IS NULL");
  mark.bind(1, last_day(period));
  mark.exec();
  for (const Plan& plan : plans) put(plan, period);
}

}  // namespace opencat
