// SPDX-License-Identifier: MIT
#include "server/store/token_reader.hpp"

#include "server/domain/plan.hpp"
#include "server/store/effective.hpp"

namespace opencat {

namespace {

std::string columns_with(const Limits& limits, std::size_t per_minute) {
  return "id, token_hash, token_prefix, status, platform, install_id, version, label, " +
         effective_daily(limits) + ", " + effective_monthly(limits) +
         ", meta, created_at, coalesce(last_used_at, ''), coalesce(deleted_at, ''), coalesce(plan, ''), "
         "daily_limit IS NOT NULL, monthly_limit IS NOT NULL, coalesce(" +
         plan_value("models") + ", ''), coalesce(" + plan_value("expires_at") + ", ''), coalesce(" +
         plan_value("per_minute") + ", " + std::to_string(per_minute) + ")";
}

std::string select_where(const std::string& columns, const char* condition) {
  return "SELECT " + columns + " FROM tokens WHERE " + condition;
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

TokenReader::TokenReader(SQLite::Database& database, const Limits& limits, std::size_t per_minute,
                         const RecentUsage* recent)
    : recent_(recent),
      columns_(columns_with(limits, per_minute)),
      by_hash_(database, select_where(columns_, "token_hash = ?1 AND deleted_at IS NULL")),
      by_id_(database, select_where(columns_, "id = ?1 AND deleted_at IS NULL")),
      by_id_even_deleted_(database, select_where(columns_, "id = ?1")),
      holder_(
          database,
          "SELECT id, status = 'active', coalesce(tokens.daily_limit, plans.daily_limit, " +
              std::to_string(limits.daily) + "), coalesce(tokens.monthly_limit, plans.monthly_limit, " +
              std::to_string(limits.monthly) +
              "), coalesce(last_used_at, ''), coalesce(tokens.used_up_until, ''), " + sums +
              ", coalesce(plans.per_minute, 0), coalesce(plans.models, ''), coalesce(plans.expires_at, ''), "
              "seq FROM tokens LEFT JOIN plans ON plans.name = tokens.plan LEFT JOIN usage ON token_id = id "
              "AND " +
              in_month + "WHERE token_hash = ?1 AND deleted_at IS NULL"),
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
  // Sums are one row, also of nothing.
  if (!row->executeStep() || row->getColumn(0).isNull()) return std::nullopt;
  return TokenHolder{row->getColumn(0).getString(),
                     row->getColumn(1).getInt() != 0 ? TokenStatus::active : TokenStatus::disabled,
                     {row->getColumn(2).getInt64(), row->getColumn(3).getInt64()},
                     row->getColumn(4).getString(),
                     row->getColumn(5).getString(),
                     {row->getColumn(6).getInt64(), row->getColumn(7).getInt64()},
                     row->getColumn(8).getInt64(),
                     row->getColumn(9).getString(),
                     row->getColumn(10).getString(),
                     row->getColumn(11).getInt64()};
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

/// The requests of the period's day and month.
QuotaUse TokenReader::use(const std::string& token_id, const QuotaPeriod& period) {
  sqlite::Lent statement(use_);
  statement->bind(1, token_id);
  bind_period(*statement, period);
  statement->executeStep();
  const QuotaUse recent = recent_ == nullptr ? QuotaUse{} : recent_->use(token_id, period);
  return {statement->getColumn(0).getInt64() + recent.daily,
          statement->getColumn(1).getInt64() + recent.monthly};
}

TokenState TokenReader::state(TokenRecord token, const QuotaPeriod& period) {
  const bool expired = has_expired(token.expires_at, period.moment);
  const QuotaUse used = use(token.id, period);
  return {std::move(token), used, expired};
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
  token.plan = row.getColumn(14).getString();
  token.own_daily_limit = row.getColumn(15).getInt() != 0;
  token.own_monthly_limit = row.getColumn(16).getInt() != 0;
  token.models = split_models(row.getColumn(17).getString());
  token.expires_at = row.getColumn(18).getString();
  token.per_minute = row.getColumn(19).getInt64();
  return token;
}

}  // namespace opencat
