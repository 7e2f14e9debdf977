// SPDX-License-Identifier: MIT
#include "server/store/postgres/counting_batch.hpp"

#include "server/store/postgres/counting_statements.hpp"
#include "server/store/postgres/token_rows.hpp"

namespace opencat::postgres {

namespace {

void add_text_or_null(Array& array, const std::string& text) {
  if (text.empty()) {
    array.add_null();
  } else {
    array.add(text);
  }
}

}  // namespace

void CountingBatch::prepare(Session& session) {
  session.run(counting_statements);
  // A plan is kept for as long as the connection, and the tables may be empty when it is made: it must be the
  // one for many tokens. None of them runs for so long that compiling it pays. Engines that have no such
  // settings do as they do.
  for (const char* way : {"enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit"}) {
    try {
      session.run(std::string("SET ") + way + " = off");
    } catch (const Failure&) {
      if (session.lost()) throw;
    }
  }
}

void CountingBatch::clear() {
  asked_.clear();
  given_back_.clear();
  settled_.clear();
  turns_.clear();
  uses_.clear();
  in_doubt_ = false;
}

void CountingBatch::admit(AdmissionRequest request, std::shared_ptr<Admission> answer) {
  asked_.push_back({std::move(request), std::move(answer)});
}

void CountingBatch::give_back(const Reservation& row) { ++given_back_[{row.token_id, row.date, row.model}]; }

void CountingBatch::settle(const Reservation& row, const TokenUse& used) {
  Sums& sums = settled_[{row.token_id, row.date, row.model}];
  sums.told.prompt += used.prompt;
  sums.told.completion += used.completion;
  if (!used.estimated) return;
  ++sums.requests;
  sums.estimated.prompt += used.prompt;
  sums.estimated.completion += used.completion;
}

void CountingBatch::commit(Session& session, std::int64_t number) {
  for (int tries = 1;; ++tries) {
    try {
      return attempt(session, number);
    } catch (const Failure& failure) {
      if (failure.trouble() != Trouble::conflict || tries == most_tries) throw;
      session.roll_back();
    }
  }
}

void CountingBatch::attempt(Session& session, std::int64_t number) {
  session_ = &session;
  turns_.clear();
  uses_.clear();
  std::string last;
  if (asked_.empty() && given_back_.empty() && settled_.empty()) {
    last = "BEGIN;";
  } else {
    const std::set<std::string> known = lock_tokens(session);
    if (asked_.empty()) {
      last = writes_before();
    } else {
      read_tokens(session, known);
      decide();
      last = writes_after();
    }
  }
  last += "EXECUTE beat (" + session.literal(node_) + "," + std::to_string(number) + ");COMMIT";
  // From here on a connection that breaks leaves it open whether this was done.
  in_doubt_ = true;
  try {
    session.run(last);
  } catch (const Failure&) {
    in_doubt_ = session.lost();
    throw;
  }
  in_doubt_ = false;
}

std::set<std::string> CountingBatch::lock_tokens(Session& session) {
  Array hashes;
  Array ids;
  for (const Asked& asked : asked_) hashes.add(bytea(asked.request.token_hash));
  for (const auto& [row, requests] : given_back_) ids.add(std::get<0>(row));
  for (const auto& [row, sums] : settled_) ids.add(std::get<0>(row));
  const Rows rows = session.run("BEGIN;EXECUTE lock_tokens (" + session.literal(hashes.text()) + "," +
                                session.literal(ids.text()) + ")");
  std::set<std::string> known;
  for (const Row& row : rows)
    known.insert(asked_.at(static_cast<std::size_t>(postgres::number(row, 0)) - 1).request.token_hash);
  return known;
}

void CountingBatch::read_tokens(Session& session, const std::set<std::string>& known) {
  Array hashes;
  Array days;
  Array months;
  std::vector<std::pair<std::string, std::string>> places;  // a hash and a day
  for (const Asked& asked : asked_) {
    const AdmissionRequest& request = asked.request;
    if (known.count(request.token_hash) == 0) continue;  // nor is one that was issued since: it is not locked
    if (!uses_.emplace(std::pair{request.token_hash, request.period.day}, QuotaUse{}).second) continue;
    places.emplace_back(request.token_hash, request.period.day);
    hashes.add(bytea(request.token_hash));
    days.add(request.period.day);
    months.add(request.period.month);
  }
  const Rows rows =
      session.run(writes_before() + "EXECUTE read_tokens (" + session.literal(hashes.text()) + "," +
                  session.literal(days.text()) + "," + session.literal(months.text()) + ")");
  for (const Row& row : rows) {
    const auto& place = places.at(static_cast<std::size_t>(postgres::number(row, 0)) - 1);
    const QuotaUse folded{postgres::number(row, 12), postgres::number(row, 13)};
    uses_[place] = {folded.daily + postgres::number(row, 14), folded.monthly + postgres::number(row, 15)};
    Turn& turn = turns_[place.first];
    turn.token.id = text(row, 1);
    turn.token.status = status_of(text(row, 2));
    turn.token.limits = {row[3].is_null() ? limits_.daily : postgres::number(row, 3),
                         row[4].is_null() ? limits_.monthly : postgres::number(row, 4)};
    turn.token.last_used_at = text(row, 5);
    turn.token.used_up_until = text(row, 6);
    turn.token.per_minute = postgres::number(row, 7);
    turn.token.models = text(row, 8);
    turn.token.expires_at = text(row, 9);
    turn.window = parsed_window(text(row, 10));
    // Who comes once in a while is not waited for.
    const bool comes_again = !text(row, 10).empty();
    if (comes_again && text(row, 11) != "t") turn.sums = FoldedSums{place.second, folded};
  }
}

QuotaUse CountingBatch::Turn::use(const QuotaUse& before, const QuotaPeriod& period) const {
  QuotaUse use = before;
  for (const auto& [row, requests] : counts) {
    if (row.first == period.day) use.daily += requests;
    if (row.first.rfind(period.month, 0) == 0) use.monthly += requests;
  }
  return use;
}

void CountingBatch::decide() {
  for (Asked& asked : asked_) {
    const AdmissionRequest& request = asked.request;
    const auto found = turns_.find(request.token_hash);
    if (found == turns_.end()) {
      *asked.answer = rules_.decide({}, request, {}).admission;
      continue;
    }
    Turn& turn = found->second;
    TokenHolder token = turn.token;
    token.use = turn.use(uses_.at({request.token_hash, request.period.day}), request.period);
    const AdmissionDecision decision = rules_.decide(token, request, [&] {
      turn.window_changed = true;
      return turn.window.take(token.per_minute_or(per_minute_), std::chrono::minutes(1), request.now);
    });
    *asked.answer = decision.admission;
    if (decision.counted) ++turn.counts[{request.period.day, decision.admission.model}];
    if (!decision.used_up_until.empty())
      turn.used_up_until = turn.token.used_up_until = decision.used_up_until;
    if (!decision.last_used_at.empty()) turn.last_used_at = turn.token.last_used_at = decision.last_used_at;
  }
}

std::string CountingBatch::writes_before() const {
  std::string writes;
  Array ids[2], dates[2], models[2], requests, prompts, completions, estimated, estimated_prompts,
      estimated_completions;
  const auto add_row = [&](int which, const RowKey& row) {
    ids[which].add(std::get<0>(row));
    dates[which].add(std::get<1>(row));
    models[which].add(std::get<2>(row));
  };
  for (const auto& [row, count] : given_back_) {
    add_row(0, row);
    requests.add(count);
  }
  for (const auto& [row, sums] : settled_) {
    add_row(1, row);
    prompts.add(sums.told.prompt);
    completions.add(sums.told.completion);
    estimated.add(sums.requests);
    estimated_prompts.add(sums.estimated.prompt);
    estimated_completions.add(sums.estimated.completion);
  }
  if (!given_back_.empty()) {
    // Where all counts are, so that no more is given back than was counted.
    writes += execute("fold_usage", {ids[0]}) + execute("give_back", {ids[0], dates[0], models[0], requests});
  }
  if (!settled_.empty()) {
    writes += execute("settle", {ids[1], dates[1], models[1], prompts, completions, estimated,
                                 estimated_prompts, estimated_completions});
  }
  return writes;
}

std::string CountingBatch::writes_after() const {
  Array counted_ids, dates, models, requests, window_ids, times, sum_ids, days, dailies, monthlies;
  // By id: in the order in which others lock tokens' own rows.
  std::map<std::string, const Turn*> marked;
  for (const auto& [hash, turn] : turns_) {
    for (const auto& [row, count] : turn.counts) {
      counted_ids.add(turn.token.id);
      dates.add(row.first);
      models.add(row.second);
      requests.add(count);
    }
    if (turn.window_changed) {
      window_ids.add(turn.token.id);
      times.add(turn.window.text());
    }
    if (turn.sums) {
      sum_ids.add(turn.token.id);
      days.add(turn.sums->day);
      dailies.add(turn.sums->use.daily);
      monthlies.add(turn.sums->use.monthly);
    }
    if (!turn.last_used_at.empty() || !turn.used_up_until.empty()) marked.emplace(turn.token.id, &turn);
  }
  std::string writes;
  if (!counted_ids.empty()) writes += execute("count_requests", {counted_ids, dates, models, requests});
  if (!window_ids.empty()) writes += execute("keep_windows", {window_ids, times});
  if (!sum_ids.empty()) writes += execute("keep_sums", {sum_ids, days, dailies, monthlies});
  return writes + marks(marked);
}

std::string CountingBatch::marks(const std::map<std::string, const Turn*>& marked) const {
  if (marked.empty()) return {};
  Array ids, last_used, used_up;
  for (const auto& [id, turn] : marked) {
    ids.add(id);
    add_text_or_null(last_used, turn->last_used_at);
    add_text_or_null(used_up, turn->used_up_until);
  }
  return execute("mark_tokens", {ids, last_used, used_up});
}

std::string CountingBatch::execute(const char* statement, const std::vector<Array>& arguments) const {
  std::string text = std::string("EXECUTE ") + statement + " (";
  for (const Array& argument : arguments) text += session_->literal(argument.text()) + ",";
  text.back() = ')';
  return text + ";";
}

std::vector<Reservation> CountingBatch::counted() const {
  std::vector<Reservation> rows;
  for (const auto& [hash, turn] : turns_) {
    for (const auto& [row, count] : turn.counts)
      rows.insert(rows.end(), static_cast<std::size_t>(count), {turn.token.id, row.first, row.second});
  }
  return rows;
}

}  // namespace opencat::postgres
