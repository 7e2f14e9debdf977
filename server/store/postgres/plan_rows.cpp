// SPDX-License-Identifier: MIT
#include "server/store/postgres/plan_rows.hpp"

#include "server/store/effective.hpp"

namespace opencat::postgres {

namespace {

constexpr const char* select_plans =
    "SELECT name, description, daily_limit, monthly_limit, per_minute, models, expires_at, source, "
    "(SELECT count(*) FROM tokens WHERE plan = plans.name AND deleted_at IS NULL) FROM plans ";

PlanUse plan_at(const Row& row) {
  const auto number_or_none = [&](int column) {
    return row[column].is_null() ? std::nullopt : std::optional(number(row, column));
  };
  Plan plan;
  plan.name = text(row, 0);
  plan.description = text(row, 1);
  plan.daily_limit = number_or_none(2);
  plan.monthly_limit = number_or_none(3);
  plan.per_minute = number_or_none(4);
  plan.models = split_models(text(row, 5));
  plan.expires_at = text(row, 6);
  plan.from_file = text(row, 7) == "file";
  return {std::move(plan), number(row, 8)};
}

std::vector<Parameter> parameters_of(const Plan& plan, const QuotaPeriod& period) {
  const auto of = [](const std::optional<std::int64_t>& number) {
    return number ? Parameter(std::to_string(*number)) : Parameter();
  };
  return {plan.name,
          plan.description,
          of(plan.daily_limit),
          of(plan.monthly_limit),
          of(plan.per_minute),
          joined_models(plan.models),
          plan.expires_at.empty() ? Parameter() : Parameter(plan.expires_at),
          plan.from_file ? "file" : "api",
          last_day(period)};
}

/// Makes it, and says whether; `otherwise` is what becomes of one that has its name.
bool put(Session& session, const Plan& plan, const QuotaPeriod& period, const Limits& limits,
         const std::string& otherwise) {
  return session
             .ask(
                 "INSERT INTO plans (name, description, daily_limit, monthly_limit, per_minute, models, "
                 "expires_at, "
                 "source, used_up_until) SELECT name, description, daily_limit, monthly_limit, per_minute, "
                 "models, "
                 "expires_at, source, " +
                     plan_marker(limits, "$9::text") +
                     " FROM (SELECT $1::text AS name, $2::text AS description, $3::bigint AS daily_limit, "
                     "$4::bigint AS monthly_limit, $5::bigint AS per_minute, $6::text AS models, "
                     "$7::text AS expires_at, $8::text AS source) AS given ON CONFLICT (name) DO " +
                     otherwise,
                 parameters_of(plan, period))
             .affected_rows() > 0;
}

constexpr const char* make_it_so =
    "UPDATE SET description = excluded.description, daily_limit = excluded.daily_limit, "
    "monthly_limit = excluded.monthly_limit, per_minute = excluded.per_minute, models = excluded.models, "
    "expires_at = excluded.expires_at, source = excluded.source, used_up_until = excluded.used_up_until";

/// Whether it is there; until the transaction ends nobody else changes it, or gives it to a token.
bool lock(Session& session, const std::string& name) {
  return !session.ask("SELECT 1 FROM plans WHERE name = $1 FOR UPDATE", {name}).empty();
}

}  // namespace

std::vector<PlanUse> list_plans(Session& session) {
  std::vector<PlanUse> plans;
  for (const Row& row : session.run(std::string(select_plans) + "ORDER BY name"))
    plans.push_back(plan_at(row));
  return plans;
}

std::optional<PlanUse> find_plan(Session& session, const std::string& name) {
  const Rows rows = session.ask(std::string(select_plans) + "WHERE name = $1", {name});
  return rows.empty() ? std::nullopt : std::optional(plan_at(rows[0]));
}

bool insert_plan(Session& session, const Plan& plan, const QuotaPeriod& period, const Limits& limits) {
  return put(session, plan, period, limits, "NOTHING");
}

std::optional<Plan> edit_plan(Session& session, const std::string& name, const AdminStore::EditPlan& edit,
                              const QuotaPeriod& period, const Limits& limits) {
  if (!lock(session, name)) return std::nullopt;
  auto found = find_plan(session, name);
  if (!found) return std::nullopt;
  edit(found->plan);
  put(session, found->plan, period, limits, make_it_so);
  return std::move(found->plan);
}

PlanRemoval remove_plan(Session& session, const std::string& name, const std::optional<std::string>& move_to,
                        const QuotaPeriod& period) {
  PlanRemoval removal;
  removal.found = lock(session, name);
  if (!removal.found) return removal;
  removal.tokens = number(session.ask("SELECT count(*) FROM tokens WHERE plan = $1", {name})[0], 0);
  if (removal.tokens > 0 && !move_to) return removal;
  if (move_to) {
    session.ask("UPDATE tokens SET plan = $2, used_up_until = $3 WHERE plan = $1",
                {name, *move_to, last_day(period)});
  }
  session.ask("DELETE FROM plans WHERE name = $1", {name});
  return removal;
}

void keep_file_plans(Session& session, const std::vector<Plan>& plans, const QuotaPeriod& period,
                     const Limits& limits) {
  // One server after the other, or two that start at once would wait for each other.
  session.run("SELECT version FROM schema_version WHERE name = 'opencat' FOR UPDATE");
  session.run("UPDATE plans SET source = 'api' WHERE source = 'file'");
  // What they leave open is the server's, which may have changed since they were looked at.
  session.ask("UPDATE plans SET used_up_until = " + plan_marker(limits, "$1") +
                  " WHERE daily_limit IS NULL OR monthly_limit IS NULL",
              {last_day(period)});
  for (const Plan& plan : plans) put(session, plan, period, limits, make_it_so);
}

}  // namespace opencat::postgres
