// SPDX-License-Identifier: MIT
#include "server/store/reports.hpp"

namespace opencat {

namespace {

// Named parameters; a statement has those that its conditions name.
constexpr const char* within_quota =
    "(SELECT coalesce(sum(request_count), 0) FROM usage WHERE token_id = tokens.id AND date >= :month "
    "AND date < :month || '-32') < monthly_limit AND "
    "(SELECT coalesce(sum(request_count), 0) FROM usage WHERE token_id = tokens.id AND date = :day) < "
    "daily_limit";
constexpr const char* text_matches =
    "(id LIKE :text ESCAPE '\\' OR label LIKE :text ESCAPE '\\' OR token_prefix LIKE :text ESCAPE '\\' "
    "OR platform LIKE :text ESCAPE '\\' OR install_id LIKE :text ESCAPE '\\')";

/// The text as LIKE finds it anywhere, with nothing in it that means more than itself.
std::string contains_pattern(const std::string& text) {
  std::string pattern = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + "%";
}

bool asks_quota(const TokenQuery& query) {
  return query.status && *query.status != TokenState::Status::disabled;
}

std::string conditions(const TokenQuery& query) {
  std::string where = " WHERE 1";
  if (!query.hash.empty()) where += " AND token_hash = :hash";
  if (!query.text.empty()) where += std::string(" AND ") + text_matches;
  if (!query.status) return where;
  switch (*query.status) {
    case TokenState::Status::disabled:
      return where + " AND status = 'disabled'";
    case TokenState::Status::active:
      return where + " AND status = 'active' AND " + within_quota;
    case TokenState::Status::quota_exceeded:
      return where + " AND status = 'active' AND NOT (" + within_quota + ")";
  }
  return where;
}

void bind_conditions(SQLite::Statement& statement, const TokenQuery& query, const QuotaPeriod& period) {
  if (!query.hash.empty()) {
    sqlite::bind_blob(statement, statement.getIndex(":hash"), query.hash);
  }
  if (!query.text.empty()) statement.bind(":text", contains_pattern(query.text));
  if (!asks_quota(query)) return;
  statement.bind(":month", period.month);
  statement.bind(":day", period.day);
}

/// Tokens of the same key stay in the order of their issue, so that pages never overlap.
std::string ordering(const TokenQuery& query) {
  const std::string direction = query.order == SortOrder::descending ? " DESC" : " ASC";
  const auto by = [&](const char* column) {
    return std::string(" ORDER BY ") + column + direction + ", seq" + direction;
  };
  switch (query.sort) {
    case TokenSort::created_at:
      return " ORDER BY seq" + direction;
    case TokenSort::last_used_at:
      return by("last_used_at");
    case TokenSort::label:
      return by("label COLLATE NOCASE");
    case TokenSort::platform:
      return by("platform");
    case TokenSort::id:
      return " ORDER BY id" + direction;
  }
  return {};
}

constexpr const char* usage_sums =
    "coalesce(sum(request_count), 0), coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0), "
    "coalesce(sum(estimated_requests), 0), coalesce(sum(estimated_prompt_tokens), 0), "
    "coalesce(sum(estimated_completion_tokens), 0)";

UsageSums sums_at(SQLite::Statement& row, int column) {
  const auto number = [&](int offset) { return row.getColumn(column + offset).getInt64(); };
  UsageSums sums;
  sums.requests = number(0);
  sums.tokens = {number(1), number(2)};
  sums.estimated_requests = number(3);
  sums.estimated_tokens = {number(4), number(5)};
  return sums;
}

void bind_days(SQLite::Statement& statement, const UsageQuery& query) {
  // A rolled-up month, "2026-11", comes right before its first day, as which it counts.
  const bool first_of_month = query.from.size() == 10 && query.from.compare(8, 2, "01") == 0;
  statement.bind(":from", first_of_month ? query.from.substr(0, 7) : query.from);
  statement.bind(":to", query.to);
}

}  // namespace

TokenPage Reports::list(const TokenQuery& query, const QuotaPeriod& period) {
  const std::string where = conditions(query);
  // One snapshot for the count and the page.
  SQLite::Transaction snapshot(database_);
  TokenPage page;
  SQLite::Statement count(database_, "SELECT count(*) FROM tokens" + where);
  bind_conditions(count, query, period);
  count.executeStep();
  page.total = count.getColumn(0).getInt64();

  SQLite::Statement rows(database_, std::string("SELECT ") + TokenReader::columns() + " FROM tokens" + where +
                                        ordering(query) + " LIMIT :limit OFFSET :offset");
  bind_conditions(rows, query, period);
  rows.bind(":limit", query.limit);
  rows.bind(":offset", query.offset);
  while (rows.executeStep()) {
    TokenState state{TokenReader::record(rows), {}};
    state.use = tokens_.use(state.token.id, period);
    page.tokens.push_back(std::move(state));
  }
  return page;
}

UsageSummary Reports::usage(const UsageQuery& query) {
  SQLite::Transaction snapshot(database_);
  UsageSummary summary;
  const std::string days = " FROM usage WHERE date >= :from AND date <= :to";
  SQLite::Statement total(database_, std::string("SELECT ") + usage_sums + days);
  bind_days(total, query);
  total.executeStep();
  summary.total = sums_at(total, 0);

  const char* key = query.group == UsageGroup::day     ? "date"
                    : query.group == UsageGroup::token ? "token_id"
                                                       : "model";
  const std::string order = query.group == UsageGroup::day
                                ? " ORDER BY date"
                                : std::string(" ORDER BY sum(request_count) DESC, ") + key;
  SQLite::Statement rows(database_, std::string("SELECT ") + key + ", " + usage_sums + days + " GROUP BY " +
                                        key + order + " LIMIT :limit");
  bind_days(rows, query);
  rows.bind(":limit", query.limit);
  while (rows.executeStep()) {
    UsageRow row{rows.getColumn(0).getString(), {}, {}, sums_at(rows, 1)};
    if (query.group == UsageGroup::token) {
      if (const auto token = tokens_.find(row.key)) {
        row.prefix = token->prefix;
        row.label = token->label;
      }
    }
    summary.rows.push_back(std::move(row));
  }
  return summary;
}

}  // namespace opencat
