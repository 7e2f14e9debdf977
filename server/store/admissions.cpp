// SPDX-License-Identifier: MIT
#include "server/store/admissions.hpp"

namespace opencat {

using sqlite::Lent;

namespace {

void bind_row(SQLite::Statement& statement, const Reservation& row) {
  statement.bind(1, row.token_id);
  statement.bind(2, row.date);
  statement.bind(3, row.model);
}

}  // namespace

Admissions::Admissions(SQLite::Database& database, std::size_t requests_per_minute,
                       const Limits& default_limits)
    : tokens_(database, default_limits, requests_per_minute),
      per_minute_(requests_per_minute),
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
      touch_(database, "UPDATE tokens SET last_used_at = ?2 WHERE seq = ?1"),
      used_up_(database, "UPDATE tokens SET used_up_until = ?2 WHERE seq = ?1") {}

Admission Admissions::admit(const AdmissionRequest& request) {
  const auto token = tokens_.holder(request.token_hash, request.period);
  const AdmissionDecision decision = rules_.decide(token, request, [&] {
    return window_.take(token->id, request.now, token->per_minute_or(per_minute_));
  });
  // The row was just read, so its place is known and its page at hand: no index is asked again.
  // First what may fail without harm: a request that was counted must not be told that it was not.
  if (!decision.used_up_until.empty()) set_text(used_up_, token->seq, decision.used_up_until);
  if (!decision.last_used_at.empty()) set_text(touch_, token->seq, decision.last_used_at);
  if (decision.counted) {
    Lent count(count_);
    bind_row(*count, {token->id, request.period.day, decision.admission.model});
    count->exec();
  }
  return decision.admission;
}

void Admissions::set_text(SQLite::Statement& statement, std::int64_t seq, const std::string& text) {
  Lent set(statement);
  set->bind(1, seq);
  set->bind(2, text);
  set->exec();
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
