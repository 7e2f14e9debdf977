// SPDX-License-Identifier: MIT
#include "server/store/postgres/token_rows.hpp"

#include <map>

#include "server/domain/plan.hpp"
#include "server/store/effective.hpp"

namespace opencat::postgres {

std::string token_column_names(const Defaults& defaults) {
  return "id, encode(token_hash, 'hex'), token_prefix, status, platform, install_id, version, label, " +
         effective_daily(defaults.limits) + ", " + effective_monthly(defaults.limits) +
         ", meta, created_at, last_used_at, deleted_at, plan, CAST(daily_limit IS NOT NULL AS int), "
         "CAST(monthly_limit IS NOT NULL AS int), " +
         plan_value("models") + ", " + plan_value("expires_at") + ", coalesce(" + plan_value("per_minute") +
         ", " + std::to_string(defaults.per_minute) + ")";
}

TokenRecord record(const Row& row) {
  TokenRecord token;
  token.id = text(row, 0);
  token.hash = from_hex(text(row, 1));
  token.prefix = text(row, 2);
  token.status = status_of(text(row, 3));
  token.platform = text(row, 4);
  token.install_id = text(row, 5);
  token.version = text(row, 6);
  token.label = text(row, 7);
  token.limits = {number(row, 8), number(row, 9)};
  token.meta = text(row, 10);
  token.created_at = text(row, 11);
  token.last_used_at = text(row, 12);
  token.deleted_at = text(row, 13);
  token.plan = text(row, 14);
  token.own_daily_limit = number(row, 15) != 0;
  token.own_monthly_limit = number(row, 16) != 0;
  token.models = split_models(text(row, 17));
  token.expires_at = text(row, 18);
  token.per_minute = number(row, 19);
  return token;
}

WindowLog parsed_window(const std::string& text) {
  auto window = WindowLog::parse(text);
  if (!window) {
    throw Failure(ErrorKind::failed, "the server's database failed; its log says more",
                  "a list of moments cannot be read: " + text.substr(0, 60), Trouble::other);
  }
  return std::move(*window);
}

void add_use(Session& session, std::vector<TokenState>& states, const QuotaPeriod& period) {
  if (states.empty()) return;
  Array ids;
  for (const TokenState& state : states) ids.add(state.token.id);
  const Rows rows = session.ask(
      "SELECT token_id, coalesce(sum(request_count) FILTER (WHERE date = $2), 0), sum(request_count) "
      "FROM all_usage WHERE token_id = ANY($1::text[]) AND date >= $3 AND date < $3 || '-32' GROUP BY "
      "token_id",
      {ids.text(), period.day, period.month});
  std::map<std::string, QuotaUse> uses;
  for (const Row& row : rows) uses[text(row, 0)] = {number(row, 1), number(row, 2)};
  for (TokenState& state : states) {
    state.use = uses[state.token.id];
    state.expired = has_expired(state.token.expires_at, period.moment);
  }
}

std::optional<TokenState> find_token(Session& session, const std::string& id_or_hash,
                                     const QuotaPeriod& period, const Defaults& defaults) {
  const Rows rows = session.ask("SELECT " + token_column_names(defaults) +
                                    " FROM tokens WHERE (id = $1 OR token_hash = $2::bytea) AND "
                                    "deleted_at IS NULL",
                                {id_or_hash, bytea(id_or_hash)});
  if (rows.empty()) return std::nullopt;
  std::vector<TokenState> found{{record(rows[0]), {}}};
  add_use(session, found, period);
  return std::move(found.front());
}

}  // namespace opencat::postgres
