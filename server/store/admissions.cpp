// SPDX-License-Identifier: MIT
#include "server/store/admissions.hpp"

#include <utility>

namespace opencat {

using sqlite::Lent;

namespace {

constexpr std::size_t to_the_minute = sizeof "2026-01-31T08:00" - 1;

Admission::Verdict verdict(TokenStatus status, const Limits& limits, const QuotaUse& use) {
  if (status == TokenStatus::disabled) return Admission::Verdict::disabled;
  switch (quota_verdict(limits, use)) {
    case QuotaVerdict::daily_used_up:
      return Admission::Verdict::daily_used_up;
    case QuotaVerdict::monthly_used_up:
      return Admission::Verdict::monthly_used_up;
    case QuotaVerdict::within:
      break;
  }
  return Admission::Verdict::admitted;
}

void bind_row(SQLite::Statement& statement, const Reservation& row) {
  statement.bind(1, row.token_id);
  statement.bind(2, row.date);
  statement.bind(3, row.model);
}

}  // namespace

Admissions::Admissions(SQLite::Database& database, std::size_t requests_per_minute)
    : tokens_(database),
      window_(requests_per_minute, std::chrono::minutes(1)),
      count_(database,
             "INSERT INTO usage (token_id, date, model, request_count) VALUES (?1, ?2, ?3, 1) "
             "ON CONFLICT DO UPDATE SET request_count = request_count + 1"),
      uncount_(database,
               "UPDATE usage SET request_count = max(0, request_count - 1) "
               "WHERE token_id = ?1 AND date = ?2 AND model = ?3"),
      settle_(database,
              "UPDATE usage SET prompt_tokens = prompt_tokens + ?4, "
              "completion_tokens = completion_tokens + ?5, "
              "estimated_requests = estimated_requests + ?6, "
              "estimated_prompt_tokens = estimated_prompt_tokens + ?6 * ?4, "
              "estimated_completion_tokens = estimated_completion_tokens + ?6 * ?5 "
              "WHERE token_id = ?1 AND date = ?2 AND model = ?3"),
      // To the minute: a write per request would buy an operator nothing.
      touch_(database, "UPDATE tokens SET last_used_at = ?2 WHERE id = ?1"),
      used_up_(database, "UPDATE tokens SET used_up_until = ?2 WHERE id = ?1") {}

Admission Admissions::admit(const AdmissionRequest& request) {
  using Verdict = Admission::Verdict;
  Admission admission;
  const auto token = tokens_.holder(request.token_hash, request.period);
  if (!token) return admission;
  admission.token_id = token->id;
  admission.limits = token->limits;
  admission.use = token->use;
  admission.verdict = verdict(token->status, token->limits, token->use);
  if (request.only_ask) return admission;
  if (admission.verdict != Verdict::admitted) {
    // Mostly that is known; not when an operator changed the limits in the database.
    mark_used_up(*token, admission.verdict, request.period);
    return admission;
  }
  admission.retry_after = window_.take(token->id, request.now);
  if (admission.retry_after.count() > 0) {
    admission.verdict = Verdict::rate_limited;
    return admission;
  }
  // First what may fail without harm: a request that was counted must not be told that it was not.
  const QuotaUse with_it{token->use.daily + 1, token->use.monthly + 1};
  mark_used_up(*token, verdict(token->status, token->limits, with_it), request.period);
  if (token->last_used_at.compare(0, to_the_minute, this_minute(request.now)) != 0) {
    Lent touch(touch_);
    touch->bind(1, token->id);
    touch->bind(2, iso8601(request.now));
    touch->exec();
  }
  Lent count(count_);
  bind_row(*count, {token->id, request.period.day, request.model});
  count->exec();
  admission.use = with_it;
  return admission;
}

void Admissions::mark_used_up(const TokenReader::Holder& token, Admission::Verdict which,
                              const QuotaPeriod& period) {
  using Verdict = Admission::Verdict;
  if (which != Verdict::daily_used_up && which != Verdict::monthly_used_up) return;
  const std::string until = which == Verdict::monthly_used_up ? last_day(period) : period.day;
  if (token.used_up_until >= until) return;
  Lent mark(used_up_);
  mark->bind(1, token.id);
  mark->bind(2, until);
  mark->exec();
}

/// "2026-01-31T08:00", which is worded once a minute.
const std::string& Admissions::this_minute(Time now) {
  const auto minute = std::chrono::floor<std::chrono::minutes>(now);
  if (std::exchange(minute_, minute) != minute) minute_text_ = iso8601(now).substr(0, to_the_minute);
  return minute_text_;
}

void Admissions::give_back(const Reservation& row) {
  Lent uncount(uncount_);
  bind_row(*uncount, row);
  uncount->exec();
}

void Admissions::settle(const Reservation& row, const TokenUse& used) {
  Lent settle(settle_);
  bind_row(*settle, row);
  settle->bind(4, used.prompt);
  settle->bind(5, used.completion);
  settle->bind(6, used.estimated ? 1 : 0);
  settle->exec();
}

}  // namespace opencat
