// SPDX-License-Identifier: MIT
#include "server/store/token_reader.hpp"

namespace opencat {

namespace {

std::string select_where(const char* condition) {
  return std::string("SELECT ") + TokenReader::columns() + " FROM tokens WHERE " + condition;
}

/// The requests of a period's day (?2) and month. A month's rows of a token stand together in the primary
/// key: what was rolled up of it under the month alone, then its days.
constexpr const char* sums =
    "coalesce(sum(request_count) FILTER (WHERE date = ?2), 0), coalesce(sum(request_count), 0) ";
constexpr const char* in_month = "date >= ?3 AND date < ?4 ";

void bind_period(SQLite::Statement& statement, const QuotaPeriod& period) {
  statement.bind(2, period.day);
  statement.bind(3, period.month);
  statement.bind(4, period.month + "-32");  // behind every day
}

std::optional<TokenRecord> first(SQLite::Statement& statement) {
  if (!statement.executeStep()) return std::nullopt;
  return TokenReader::record(statement);
}

}  // namespace

const char* status_text(TokenStatus status) { return status == TokenStatus::active ? "active" : "disabled"; }

const char* TokenReader::columns() {
  return "id, token_hash, token_prefix, status, platform, install_id, version, label, daily_limit, "
         "monthly_limit, meta, created_at, coalesce(last_used_at, ''), coalesce(deleted_at, '')";
}

TokenReader::TokenReader(SQLite::Database& database)
    : by_hash_(database, select_where("token_hash = ?1 AND deleted_at IS NULL")),
      by_id_(database, select_where("id = ?1 AND deleted_at IS NULL")),
      by_id_even_deleted_(database, select_where("id = ?1")),
      holder_(
          database,
          std::string("SELECT id, status = 'active', daily_limit, monthly_limit, coalesce(last_used_at, ''), "
                      "coalesce(used_up_until, ''), ") +
              sums + "FROM tokens LEFT JOIN usage ON token_id = id AND " + in_month +
              "WHERE token_hash = ?1 AND deleted_at IS NULL GROUP BY id"),
      use_(database, std::string("SELECT ") + sums + "FROM usage WHERE token_id = ?1 AND " + in_month) {}

std::optional<TokenRecord> TokenReader::find_by_hash(const std::string& hash) {
  sqlite::Lent statement(by_hash_);
  sqlite::bind_blob(*statement, 1, hash);
  return first(*statement);
}

std::optional<TokenHolder> TokenReader::holder(const std::string& hash, const QuotaPeriod& period) {
  sqlite::Lent row(holder_);
  sqlite::bind_blob(*row, 1, hash);
  bind_period(*row, period);
  if (!row->executeStep()) return std::nullopt;
  return TokenHolder{row->getColumn(0).getString(),
                     row->getColumn(1).getInt() != 0 ? TokenStatus::active : TokenStatus::disabled,
                     {row->getColumn(2).getInt64(), row->getColumn(3).getInt64()},
                     row->getColumn(4).getString(),
                     row->getColumn(5).getString(),
                     {row->getColumn(6).getInt64(), row->getColumn(7).getInt64()}};
}

std::optional<TokenRecord> TokenReader::find(const std::string& id_or_hash) {
  if (auto token = find_by_hash(id_or_hash)) return token;
  sqlite::Lent statement(by_id_);
  statement->bind(1, id_or_hash);
  return first(*statement);
}

std::optional<TokenRecord> TokenReader::find_by_id_even_deleted(const std::string& id) {
  sqlite::Lent statement(by_id_even_deleted_);
  statement->bind(1, id);
  return first(*statement);
}

QuotaUse TokenReader::use(const std::string& token_id, const QuotaPeriod& period) {
  sqlite::Lent statement(use_);
  statement->bind(1, token_id);
  bind_period(*statement, period);
  statement->executeStep();
  return {statement->getColumn(0).getInt64(), statement->getColumn(1).getInt64()};
}

TokenRecord TokenReader::record(SQLite::Statement& row) {
  TokenRecord token;
  token.id = row.getColumn(0).getString();
  token.hash = row.getColumn(1).getString();
  token.prefix = row.getColumn(2).getString();
  token.status = row.getColumn(3).getString() == "active" ? TokenStatus::active : TokenStatus::disabled;
  token.platform = row.getColumn(4).getString();
  token.install_id = row.getColumn(5).getString();
  token.version = row.getColumn(6).getString();
  token.label = row.getColumn(7).getString();
  token.limits = {row.getColumn(8).getInt64(), row.getColumn(9).getInt64()};
  token.meta = row.getColumn(10).getString();
  token.created_at = row.getColumn(11).getString();
  token.last_used_at = row.getColumn(12).getString();
  token.deleted_at = row.getColumn(13).getString();
  return token;
}

}  // namespace opencat
