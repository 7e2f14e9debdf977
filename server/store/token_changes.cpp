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

}  // namespace

TokenChanges::TokenChanges(SQLite::Database& database)
    : insert_(
          database,
          "INSERT INTO tokens (id, token_hash, token_prefix, status, platform, install_id, version, label, "
          "daily_limit, monthly_limit, meta, created_at, used_up_until) "
          "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
          "CASE WHEN min(?9, ?10) <= 0 THEN '9999-12-31' END)"),
      change_(database,
              "UPDATE tokens SET status = coalesce(?3, status), daily_limit = coalesce(?4, daily_limit), "
              "monthly_limit = coalesce(?5, monthly_limit), label = coalesce(?6, label), used_up_until = "
              "CASE WHEN min(coalesce(?4, daily_limit), coalesce(?5, monthly_limit)) <= 0 THEN '9999-12-31' "
              "WHEN coalesce(?4, ?5) IS NOT NULL THEN ?7 ELSE used_up_until END "
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
  insert->bind(9, token.limits.daily);
  insert->bind(10, token.limits.monthly);
  insert->bind(11, token.meta);
  insert->bind(12, token.created_at);
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
