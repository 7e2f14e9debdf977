// SPDX-License-Identifier: MIT
#include "server/store/postgres/postgres_reports.hpp"

#include "opencat/text.hpp"
#include "server/store/effective.hpp"
#include "server/store/postgres/token_rows.hpp"
#include "server/store/report_keys.hpp"

namespace opencat::postgres {

using Status = TokenState::Status;

namespace {

constexpr const char* alive = "deleted_at IS NULL";

/// A statement and its parameters, as they come together.
class Question {
 public:
  Question& operator+=(const std::string& words) {
    statement_ += words;
    return *this;
  }
  /// The place of a parameter, e.g. "$3".
  std::string with(const std::string& parameter) {
    parameters_.emplace_back(parameter);
    return "$" + std::to_string(parameters_.size());
  }
  std::string with(std::int64_t number) { return with(std::to_string(number)) + "::bigint"; }
  Rows ask(Session& session) const { return session.ask(statement_, parameters_); }

 private:
  std::string statement_;
  std::vector<Parameter> parameters_;
};

/// The text as LIKE finds it anywhere, with nothing in it that means more than itself.
std::string contains_pattern(const std::string& text) {
  std::string pattern = "%";
  for (const char c : lower(text)) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + "%";
}

std::string within_quota(Question& question, const QuotaPeriod& period, const Limits& limits) {
  const std::string month = question.with(period.month);
  return "((SELECT coalesce(sum(request_count), 0) FROM all_usage WHERE token_id = tokens.id AND date >= " +
         month + " AND date < " + month + " || '-32') < " + effective_monthly(limits) + " AND " +
         "(SELECT coalesce(sum(request_count), 0) FROM all_usage WHERE token_id = tokens.id AND date = " +
         question.with(period.day) + ") < " + effective_daily(limits) + ")";
}

std::string status_condition(Question& question, const TokenQuery& query, const QuotaPeriod& period,
                             const Limits& limits) {
  if (!query.status) return alive;
  // Those that may be used up, which few are, and those of a plan that changed; see migrations/sqlite/003,
  // 004.
  const auto maybe_used_up = [&] {
    const std::string day = question.with(period.day);
    return "(coalesce(used_up_until, '') >= " + day +
           " OR coalesce(plan IN (SELECT name FROM plans WHERE plans.used_up_until >= " + day + "), false))";
  };
  const auto has_ended = [&] {
    return "coalesce(plan IN (SELECT name FROM plans WHERE expires_at <= " +
           question.with(iso8601(period.moment)) + "), false)";
  };
  const auto goes_on = [&] {
    return std::string("status = 'active' AND ") + alive + " AND NOT " + has_ended();
  };
  switch (*query.status) {
    case Status::disabled:
      return std::string("status = 'disabled' AND ") + alive;
    case Status::active:
      return goes_on() + " AND (NOT " + maybe_used_up() + " OR " + within_quota(question, period, limits) +
             ")";
    case Status::expired:
      return std::string("status = 'active' AND ") + alive + " AND " + has_ended();
    case Status::quota_exceeded:
      return goes_on() + " AND " + maybe_used_up() + " AND NOT " + within_quota(question, period, limits);
    case Status::deleted:
      return "deleted_at IS NOT NULL";
  }
  return alive;
}

void add_conditions(Question& question, const TokenQuery& query, const QuotaPeriod& period,
                    const Limits& limits) {
  question += " WHERE " + status_condition(question, query, period, limits);
  if (!query.plan.empty()) question += " AND plan = " + question.with(query.plan);
  if (!query.hash.empty()) question += " AND token_hash = " + question.with(bytea(query.hash)) + "::bytea";
  if (query.text.empty()) return;
  const std::string pattern = question.with(contains_pattern(query.text));
  std::string any;
  for (const char* column : {"id", "label", "token_prefix", "platform", "install_id"})
    any += std::string(any.empty() ? "" : " OR ") + "lower(" + column + ") LIKE " + pattern + " ESCAPE '\\'";
  question += " AND (" + any + ")";
}

constexpr const char* label_key = "lower(label)";

void add_cursor(Question& question, const TokenQuery& query) {
  if (!query.after) return;
  const std::string than = query.order == SortOrder::descending ? " < " : " > ";
  if (query.sort == TokenSort::created_at) {
    question += " AND seq" + than + question.with(query.after->seq);
    return;
  }
  const std::string key = question.with(query.after->key);
  question += std::string(" AND (") + sort_key(query.sort, label_key) + ", seq)" + than + "(" + key + ", " +
              question.with(query.after->seq) + ")";
}

std::int64_t count(Session& session, const TokenQuery& query, const QuotaPeriod& period,
                   const Limits& limits) {
  Question question;
  question += "SELECT count(*) FROM tokens";
  add_conditions(question, query, period, limits);
  return number(question.ask(session)[0], 0);
}

std::int64_t count_of(Session& session, Status status, const QuotaPeriod& period, const Limits& limits) {
  TokenQuery query;
  query.status = status;
  return count(session, query, period, limits);
}

/// Who is active is the rest of them all: the short lists alone ask for the counts of requests.
std::int64_t quick_count(Session& session, const TokenQuery& query, const QuotaPeriod& period,
                         const Limits& limits) {
  const bool is_plain = query.hash.empty() && query.text.empty() && query.plan.empty();
  if (!is_plain || query.status != Status::active) return count(session, query, period, limits);
  std::int64_t active = count(session, {}, period, limits);
  for (const Status other : {Status::disabled, Status::expired, Status::quota_exceeded})
    active -= count_of(session, other, period, limits);
  return active;
}

constexpr const char* usage_sums =
    "coalesce(sum(request_count), 0), coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0), "
    "coalesce(sum(estimated_requests), 0), coalesce(sum(estimated_prompt_tokens), 0), "
    "coalesce(sum(estimated_completion_tokens), 0)";

UsageSums sums_at(const Row& row, int column) {
  UsageSums sums;
  sums.requests = number(row, column);
  sums.tokens = {number(row, column + 1), number(row, column + 2)};
  sums.estimated_requests = number(row, column + 3);
  sums.estimated_tokens = {number(row, column + 4), number(row, column + 5)};
  return sums;
}

void add_days(Question& question, const UsageQuery& query) {
  // A rolled-up month, "2026-11", comes right before its first day, as which it counts.
  const bool first_of_month = query.from.size() == 10 && query.from.compare(8, 2, "01") == 0;
  question += " FROM all_usage WHERE date >= " +
              question.with(first_of_month ? query.from.substr(0, 7) : query.from) +
              " AND date <= " + question.with(query.to);
  if (!query.token_id.empty()) question += " AND token_id = " + question.with(query.token_id);
}

}  // namespace

TokenPage list_tokens(Session& session, const TokenQuery& query, const QuotaPeriod& period,
                      const Defaults& defaults) {
  TokenPage page;
  if (query.counted) page.total = quick_count(session, query, period, defaults.limits);
  Question question;
  question +=
      "SELECT " + token_column_names(defaults) + ", seq, " + sort_key(query.sort, label_key) + " FROM tokens";
  add_conditions(question, query, period, defaults.limits);
  add_cursor(question, query);
  const std::string direction = query.order == SortOrder::descending ? " DESC" : " ASC";
  question += std::string(" ORDER BY ") + sort_key(query.sort, label_key) + direction + ", seq" + direction;
  // One more tells whether there is more.
  question += " LIMIT " + question.with(query.limit + 1) + " OFFSET " + question.with(query.offset);
  TokenCursor last;
  for (const Row& row : question.ask(session)) {
    if (static_cast<std::int64_t>(page.tokens.size()) == query.limit) {
      page.next = last;
      break;
    }
    page.tokens.push_back({record(row), {}});
    last = {text(row, token_columns + 1), number(row, token_columns)};
  }
  add_use(session, page.tokens, period);
  return page;
}

TokenCounts count_tokens(Session& session, const QuotaPeriod& period, const Limits& limits) {
  const auto of = [&](Status status) {
    TokenQuery query;
    query.status = status;
    return quick_count(session, query, period, limits);
  };
  return {of(Status::active), of(Status::disabled), of(Status::expired), of(Status::quota_exceeded),
          of(Status::deleted)};
}

UsageSummary sum_usage(Session& session, const UsageQuery& query) {
  UsageSummary summary;
  Question total;
  total += std::string("SELECT ") + usage_sums;
  add_days(total, query);
  summary.total = sums_at(total.ask(session)[0], 0);

  const bool by_token = query.group == UsageGroup::token;
  Question question;
  question += std::string("SELECT ") + usage_key(query.group) + ", " + usage_sums;
  if (by_token) {
    // Of a deleted one, too.
    question +=
        ", (SELECT token_prefix FROM tokens WHERE id = token_id), "
        "(SELECT label FROM tokens WHERE id = token_id)";
  }
  if (query.group == UsageGroup::plan) {
    question += std::string(" FROM (") + sums_by_token;
    add_days(question, query);
    question += " GROUP BY token_id) AS used JOIN tokens ON id = token_id";
  } else {
    add_days(question, query);
  }
  question += std::string(" GROUP BY 1 ORDER BY ") +
              (query.group == UsageGroup::day ? "1" : "sum(request_count) DESC, 1") + " LIMIT " +
              question.with(query.limit);
  for (const Row& row : question.ask(session)) {
    summary.rows.push_back({text(row, 0), by_token ? text(row, 7) : std::string(),
                            by_token ? text(row, 8) : std::string(), sums_at(row, 1)});
  }
  return summary;
}

}  // namespace opencat::postgres
