// SPDX-License-Identifier: MIT
#include "server/store/reports.hpp"

#include "server/store/effective.hpp"
#include "server/store/report_keys.hpp"

namespace opencat {

namespace {

// Named parameters; a statement has those that its conditions name.
std::string within_quota(const Limits& limits) {
  return "(SELECT coalesce(sum(request_count), 0) FROM usage WHERE token_id = tokens.id AND date >= :month "
         "AND date < :month || '-32') < " +
         effective_monthly(limits) +
         " AND (SELECT coalesce(sum(request_count), 0) FROM usage WHERE token_id = tokens.id AND date = "
         ":day) < " +
         effective_daily(limits);
}
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

constexpr const char* alive = "deleted_at IS NULL";
/// Those that may be used up, which few are, and those of a plan that changed; see migrations/sqlite/003 and
/// 004.
constexpr const char* maybe_used_up =
    "(used_up_until >= :day OR plan IN (SELECT name FROM plans WHERE plans.used_up_until >= :day))";
constexpr const char* maybe_not_used_up =
    "(used_up_until IS NULL OR used_up_until < :day) AND "
    "(plan IS NULL OR plan NOT IN (SELECT name FROM plans WHERE plans.used_up_until >= :day))";
constexpr const char* has_ended = "plan IN (SELECT name FROM plans WHERE expires_at <= :moment)";
constexpr const char* goes_on =
    "(plan IS NULL OR plan NOT IN (SELECT name FROM plans WHERE expires_at <= :moment))";

bool asks_quota(const TokenQuery& query) {
  return query.status == TokenState::Status::active || query.status == TokenState::Status::quota_exceeded;
}

/// Whether only the status is asked for, if anything is.
bool is_plain(const TokenQuery& query) {
  return query.hash.empty() && query.text.empty() && query.plan.empty();
}

std::string status_condition(const TokenQuery& query, const Limits& limits) {
  if (!query.status) return alive;
  switch (*query.status) {
    case TokenState::Status::disabled:
      return std::string("status = 'disabled' AND ") + alive;
    case TokenState::Status::active:
      return std::string("status = 'active' AND ") + alive + " AND " + goes_on + " AND ((" +
             maybe_not_used_up + ") OR (" + within_quota(limits) + "))";
    case TokenState::Status::expired:
      return std::string("status = 'active' AND ") + alive + " AND " + has_ended;
    case TokenState::Status::quota_exceeded:
      return std::string("status = 'active' AND ") + alive + " AND " + goes_on + " AND " + maybe_used_up +
             " AND NOT (" + within_quota(limits) + ")";
    case TokenState::Status::deleted:
      return "deleted_at IS NOT NULL";
  }
  return alive;
}

void bind_conditions(SQLite::Statement& statement, const TokenQuery& query, const QuotaPeriod& period) {
  if (!query.hash.empty()) {
    sqlite::bind_blob(statement, statement.getIndex(":hash"), query.hash);
  }
  if (!query.text.empty()) statement.bind(":text", contains_pattern(query.text));
  if (!query.plan.empty()) statement.bind(":plan", query.plan);
  if (asks_quota(query) || query.status == TokenState::Status::expired)
    statement.bind(":moment", iso8601(period.moment));
  if (!asks_quota(query)) return;
  statement.bind(":month", period.month);
  statement.bind(":day", period.day);
}

constexpr const char* label_key = "label COLLATE NOCASE";

std::string ordering(const TokenQuery& query) {
  const std::string direction = query.order == SortOrder::descending ? " DESC" : " ASC";
  if (query.sort != TokenSort::created_at)
    return std::string(" ORDER BY ") + sort_key(query.sort, label_key) + direction + ", seq" + direction;
  // The short lists are read from their index and sorted, not looked for in all of the table (hence the
  // plus).
  const bool is_short =
      query.status == TokenState::Status::quota_exceeded || query.status == TokenState::Status::deleted;
  return std::string(" ORDER BY ") + (is_short ? "+seq" : "seq") + direction;
}

std::string behind_cursor(const TokenQuery& query) {
  if (!query.after) return {};
  const std::string than = query.order == SortOrder::descending ? " <" : " >";
  if (query.sort == TokenSort::created_at) return " AND seq" + than + " :after_seq";
  const std::string key = sort_key(query.sort, label_key);
  // The first half says nothing new, but SQLite goes to that place of an index by it.
  return " AND " + key + than + "= :after_key AND (" + key + ", seq)" + than + "(:after_key, :after_seq)";
}

void bind_cursor(SQLite::Statement& statement, const TokenQuery& query) {
  if (!query.after) return;
  statement.bind(":after_seq", query.after->seq);
  if (query.sort != TokenSort::created_at) statement.bind(":after_key", query.after->key);
}

constexpr const char* usage_sums =
    "coalesce(sum(request_count), 0), coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0), "
    "coalesce(sum(estimated_requests), 0), coalesce(sum(estimated_prompt_tokens), 0), "
    "coalesce(sum(estimated_completion_tokens), 0)";

/// `days` summed up for each token, with its plan.
std::string by_token_with_plan(const std::string& days) {
  return std::string(" FROM (") + sums_by_token + days + " GROUP BY token_id) JOIN tokens ON id = token_id";
}

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
  if (!query.token_id.empty()) statement.bind(":token", query.token_id);
}

}  // namespace

std::string Reports::conditions(const TokenQuery& query) const {
  std::string where = " WHERE " + status_condition(query, limits_);
  if (!query.hash.empty()) where += " AND token_hash = :hash";
  if (!query.text.empty()) where += std::string(" AND ") + text_matches;
  if (!query.plan.empty()) where += " AND plan = :plan";
  return where;
}

std::int64_t Reports::count(const TokenQuery& query, const QuotaPeriod& period) {
  if (is_plain(query)) return quick_count(query, period);
  SQLite::Statement count(database_, "SELECT count(*) FROM tokens" + conditions(query));
  bind_conditions(count, query, period);
  count.executeStep();
  return count.getColumn(0).getInt64();
}

/// From the short lists alone: all rows are counted by their index, and who is active is the rest.
std::int64_t Reports::quick_count(const TokenQuery& query, const QuotaPeriod& period) {
  using Status = TokenState::Status;
  const auto of = [&](Status status) {
    TokenQuery one;
    one.status = status;
    SQLite::Statement count(database_, "SELECT count(*) FROM tokens" + conditions(one));
    bind_conditions(count, one, period);
    count.executeStep();
    return count.getColumn(0).getInt64();
  };
  if (query.status && *query.status != Status::active) return of(*query.status);
  SQLite::Statement rows(database_, "SELECT count(*) FROM tokens");
  rows.executeStep();
  const std::int64_t all = rows.getColumn(0).getInt64() - of(Status::deleted);
  return query.status ? all - of(Status::disabled) - of(Status::expired) - of(Status::quota_exceeded) : all;
}

TokenCounts Reports::counts(const QuotaPeriod& period) {
  using Status = TokenState::Status;
  SQLite::Transaction snapshot(database_);
  const auto of = [&](Status status) {
    TokenQuery query;
    query.status = status;
    return quick_count(query, period);
  };
  return {of(Status::active), of(Status::disabled), of(Status::expired), of(Status::quota_exceeded),
          of(Status::deleted)};
}

TokenPage Reports::list(const TokenQuery& query, const QuotaPeriod& period) {
  // One snapshot for the count and the page.
  SQLite::Transaction snapshot(database_);
  TokenPage page;
  if (query.counted) page.total = count(query, period);
  // Which ones they are is found without what else stands in the rows before them.
  const std::string order = ordering(query);
  SQLite::Statement rows(database_,
                         "SELECT " + tokens_.columns() + ", seq, " + sort_key(query.sort, label_key) +
                             " FROM tokens WHERE seq IN (SELECT seq FROM tokens" + conditions(query) +
                             behind_cursor(query) + order + " LIMIT :limit OFFSET :offset)" + order);
  bind_conditions(rows, query, period);
  bind_cursor(rows, query);
  rows.bind(":limit", query.limit + 1);  // one more tells whether there is more
  rows.bind(":offset", query.offset);
  TokenCursor last;
  while (rows.executeStep()) {
    if (static_cast<std::int64_t>(page.tokens.size()) == query.limit) {
      page.next = last;
      break;
    }
    page.tokens.push_back(tokens_.state(TokenReader::record(rows), period));
    last = {rows.getColumn(TokenReader::column_count + 1).getString(),
            rows.getColumn(TokenReader::column_count).getInt64()};
  }
  return page;
}

UsageSummary Reports::usage(const UsageQuery& query) {
  SQLite::Transaction snapshot(database_);
  UsageSummary summary;
  const std::string days = std::string(" FROM usage WHERE date >= :from AND date <= :to") +
                           (query.token_id.empty() ? "" : " AND token_id = :token");
  SQLite::Statement total(database_, std::string("SELECT ") + usage_sums + days);
  bind_days(total, query);
  total.executeStep();
  summary.total = sums_at(total, 0);

  const char* order = query.group == UsageGroup::day ? "1" : "sum(request_count) DESC, 1";
  SQLite::Statement rows(database_, std::string("SELECT ") + usage_key(query.group) + ", " + usage_sums +
                                        (query.group == UsageGroup::plan ? by_token_with_plan(days) : days) +
                                        " GROUP BY 1 ORDER BY " + order + " LIMIT :limit");
  bind_days(rows, query);
  rows.bind(":limit", query.limit);
  while (rows.executeStep()) {
    UsageRow row{rows.getColumn(0).getString(), {}, {}, sums_at(rows, 1)};
    if (query.group == UsageGroup::token) {
      if (const auto token = tokens_.find_by_id_even_deleted(row.key)) {
        row.prefix = token->prefix;
        row.label = token->label;
      }
    }
    summary.rows.push_back(std::move(row));
  }
  return summary;
}

}  // namespace opencat
