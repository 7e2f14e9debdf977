// SPDX-License-Identifier: MIT
#include "server/store/token_changes.hpp"

#include "server/store/token_reader.hpp"

namespace opencat {

using sqlite::Lent;

namespace {

void bind_name(SQLite::Statement& statement, const std::string& id_or_hash) {
  statement.bind(1, id_or_hash);
  sqlite::bind_blob(statement, 2, id_or_hash);
}

/// A token that gets a plan (?8) lets go of its own limit; one that loses it needs one of its own.
std::string changed_limit(const std::string& column, const std::string& given, std::int64_t otherwise) {
  return column + " = CASE WHEN ?8 IS NULL THEN coalesce(" + given + ", " + column + ") WHEN ?8 <> '' THEN " +
         given + " ELSE coalesce(" + given + ", " + column + ", " + std::to_string(otherwise) + ") END";
}

}  // namespace

TokenChanges::TokenChanges(SQLite::Database& database, const Limits& limits)
    : insert_(
          database,
          "INSERT INTO tokens (id, token_hash, token_prefix, status, platform, install_id, version, label, "
          "daily_limit, monthly_limit, meta, created_at, plan, used_up_until) "
          "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, "
          "CASE WHEN coalesce(?9, 1) <= 0 OR coalesce(?10, 1) <= 0 THEN '9999-12-31' END)"),
      change_(
          database,
          "UPDATE tokens SET status = coalesce(?3, status), " +
              changed_limit("daily_limit", "?4", limits.daily) + ", " +
              changed_limit("monthly_limit", "?5", limits.monthly) +
              ", label = coalesce(?6, label), plan = CASE WHEN ?8 IS NULL THEN plan ELSE nullif(?8, '') END, "
              "used_up_until = CASE WHEN coalesce(?4, iif(coalesce(?8, '') <> '', NULL, daily_limit), 1) <= "
              "0 OR "
              "coalesce(?5, iif(coalesce(?8, '') <> '', NULL, monthly_limit), 1) <= 0 THEN '9999-12-31' "
              "WHEN coalesce(?4, ?5, ?8) IS NOT NULL THEN ?7 ELSE used_up_until END "
              "WHERE (id = ?1 OR token_hash = ?2) AND deleted_at IS NULL"),
      remove_(database,
              "UPDATE tokens SET deleted_at = ?3 WHERE (id = ?1 OR token_hash = ?2) AND deleted_at IS NULL"),
      restore_(database,
               "UPDATE tokens SET deleted_at = NULL WHERE (id = ?1 OR token_hash = ?2) AND deleted_at IS NOT "
               "NULL"),
      purge_(database,
             "DELETE FROM tokens WHERE seq IN (SELECT seq FROM tokens WHERE deleted_at < ?1 LIMIT ?2)") {}

void TokenChanges::insert(const TokenRecord& token) {
  Lent insert(insert_);
  insert->bind(1, token.id);
  sqlite::bind_blob(*insert, 2, token.hash);
  insert->bind(3, token.prefix);
  insert->bind(4, status_text(token.status));
  insert->bind(5, token.platform);
  insert->bind(6, token.install_id);
  insert->bind(7, token.version);
  insert->bind(8, token.label);
  if (token.own_daily_limit) insert->bind(9, token.limits.daily);
  if (token.own_monthly_limit) insert->bind(10, token.limits.monthly);
  insert->bind(11, token.meta);
  insert->bind(12, token.created_at);
  if (!token.plan.empty()) insert->bind(13, token.plan);
  insert->exec();
}

bool TokenChanges::change(const std::string& id_or_hash, const TokenChange& change,
                          const QuotaPeriod& period) {
  Lent update(change_);
  bind_name(*update, id_or_hash);
  if (change.status) update->bind(3, status_text(*change.status));
  if (change.daily_limit) update->bind(4, *change.daily_limit);
  if (change.monthly_limit) update->bind(5, *change.monthly_limit);
  if (change.label) update->bind(6, *change.label);
  update->bind(7, last_day(period));
  if (change.plan) update->bind(8, *change.plan);
  return update->exec() > 0;
}

bool TokenChanges::remove(const std::string& id_or_hash, Time now) {
  Lent remove(remove_);
  bind_name(*remove, id_or_hash);
  remove->bind(3, iso8601(now));
  return remove->exec() > 0;
}

bool TokenChanges::restore(const std::string& id_or_hash) {
  Lent restore(restore_);
  bind_name(*restore, id_or_hash);
  return restore->exec() > 0;
}

bool TokenChanges::purge(Time then, int max_tokens) {
  Lent purge(purge_);
  purge->bind(1, iso8601(then));
  purge->bind(2, max_tokens);
  return purge->exec() == max_tokens;
}

}  // namespace opencat
