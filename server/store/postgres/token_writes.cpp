// SPDX-License-Identifier: MIT
#include "server/store/postgres/token_writes.hpp"

#include "server/store/postgres/recent_usage.hpp"
#include "server/store/postgres/token_rows.hpp"

namespace opencat::postgres {

namespace {

constexpr const char* by_name = "(id = $1 OR token_hash = $2::bytea)";

/// "UPDATE tokens SET …" of the one with that name; whether it was there.
bool update(Session& session, const std::string& changes, const std::string& id_or_hash,
            const std::vector<Parameter>& more) {
  std::vector<Parameter> parameters{id_or_hash, bytea(id_or_hash)};
  parameters.insert(parameters.end(), more.begin(), more.end());
  return session.ask("UPDATE tokens SET " + changes + " AND " + by_name, parameters).affected_rows() > 0;
}

Parameter text_of(const std::optional<std::int64_t>& number) {
  return number ? Parameter(std::to_string(*number)) : Parameter();
}

void add_or_null(Array& array, std::int64_t number, bool is_there) {
  if (is_there) {
    array.add(number);
  } else {
    array.add_null();
  }
}

/// The token's own limit, which it lets go of for a plan ($8).
std::string kept(const std::string& column) {
  return "CASE WHEN coalesce($8::text, '') = '' THEN " + column + " END";
}

/// One that loses its plan needs a limit of its own.
std::string changed_limit(const std::string& column, const std::string& given, std::int64_t otherwise) {
  return column + " = coalesce(" + given + ", " + kept(column) + ", CASE WHEN $8::text = '' THEN " +
         std::to_string(otherwise) + " END)";
}

std::int64_t milliseconds(Time time) { return time.time_since_epoch().count(); }

}  // namespace

void insert_tokens(Session& session, const std::vector<TokenRecord>& tokens) {
  Array hashes, daily, monthly;
  Array texts[10];
  for (const TokenRecord& token : tokens) {
    hashes.add(bytea(token.hash));
    add_or_null(daily, token.limits.daily, token.own_daily_limit);
    add_or_null(monthly, token.limits.monthly, token.own_monthly_limit);
    const std::string values[] = {
        token.id,    token.prefix, status_name(token.status), token.platform, token.install_id, token.version,
        token.label, token.meta,   token.created_at,          token.plan};
    for (std::size_t i = 0; i < std::size(values); ++i) texts[i].add(values[i]);
  }
  std::vector<Parameter> parameters{hashes.text(), daily.text(), monthly.text()};
  for (const Array& array : texts) parameters.emplace_back(array.text());
  session.ask(
      "INSERT INTO tokens (id, token_hash, token_prefix, status, platform, install_id, version, label, "
      "daily_limit, monthly_limit, meta, created_at, plan, used_up_until) "
      "SELECT id, hash, prefix, status, platform, install_id, version, label, daily, monthly, meta, created, "
      "nullif(plan, ''), CASE WHEN least(daily, monthly) <= 0 THEN '9999-12-31' END "
      "FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], "
      "$8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[]) WITH ORDINALITY AS "
      "made (hash, daily, monthly, id, prefix, status, platform, install_id, version, label, meta, created, "
      "plan, place) ORDER BY place",
      parameters);
}

bool change_token(Session& session, const std::string& id_or_hash, const TokenChange& change,
                  const QuotaPeriod& period, const Limits& limits) {
  // least() passes over what is NULL.
  return update(
      session,
      "status = coalesce($3, status), " + changed_limit("daily_limit", "$4::bigint", limits.daily) + ", " +
          changed_limit("monthly_limit", "$5::bigint", limits.monthly) +
          ", label = coalesce($6, label), plan = CASE WHEN $8::text IS NULL THEN plan ELSE nullif($8::text, "
          "'') "
          "END, used_up_until = CASE WHEN least(coalesce($4::bigint, " +
          kept("daily_limit") + "), coalesce($5::bigint, " + kept("monthly_limit") +
          ")) <= 0 THEN '9999-12-31' "
          "WHEN coalesce($4::bigint, $5::bigint) IS NOT NULL OR $8::text IS NOT NULL THEN $7 "
          "ELSE used_up_until END WHERE deleted_at IS NULL",
      id_or_hash,
      {change.status ? Parameter(status_name(*change.status)) : Parameter(), text_of(change.daily_limit),
       text_of(change.monthly_limit), change.label, last_day(period), change.plan});
}

bool remove_token(Session& session, const std::string& id_or_hash, Time now) {
  return update(session, "deleted_at = $3 WHERE deleted_at IS NULL", id_or_hash, {iso8601(now)});
}

bool restore_token(Session& session, const std::string& id_or_hash) {
  return update(session, "deleted_at = NULL WHERE deleted_at IS NOT NULL", id_or_hash, {});
}

bool purge_tokens(Session& session, Time then, int most) {
  const Rows found = session.ask("SELECT id FROM tokens WHERE deleted_at < $1 ORDER BY id LIMIT $2::bigint",
                                 {iso8601(then), std::to_string(most)});
  if (found.empty()) return false;
  Array ids;
  for (const Row& row : found) ids.add(text(row, 0));
  // Their last counts go with the others. Folded and not deleted: one of them may just be restored.
  fold_tokens(session, ids.text());
  // The order is that in which counting locks them.
  session.ask(
      "DELETE FROM tokens WHERE seq IN (SELECT seq FROM tokens WHERE id = ANY($1::text[]) ORDER BY id "
      "FOR UPDATE) AND deleted_at < $2",
      {ids.text(), iso8601(then)});
  return static_cast<int>(found.size()) == most;
}

bool roll_up_usage(Session& session, const std::string& month, int most) {
  const Rows unfolded =
      session.ask("SELECT DISTINCT token_id FROM recent_usage WHERE date < $1 LIMIT $2::bigint",
                  {month, std::to_string(most)});
  if (!unfolded.empty()) {
    Array ids;
    for (const Row& row : unfolded) ids.add(text(row, 0));
    fold_tokens(session, ids.text());
  }
  const Rows oldest = session.ask(
      "SELECT substr(date, 1, 7) FROM usage WHERE date < $1 AND length(date) > 7 "
      "ORDER BY date LIMIT 1",
      {month});
  if (oldest.empty()) return !unfolded.empty();
  // Who comes second waits for the rows, and finds that they are gone: none is added twice.
  const Rows rows = session.ask(
      "WITH days AS (DELETE FROM usage WHERE (token_id, date, model) IN "
      "(SELECT token_id, date, model FROM usage WHERE date > $1 AND date < $1 || '-32' "
      "ORDER BY token_id, date, model LIMIT $2::bigint FOR UPDATE) RETURNING *) "
      "INSERT INTO usage (token_id, date, model, request_count, prompt_tokens, completion_tokens, "
      "estimated_requests, estimated_prompt_tokens, estimated_completion_tokens) "
      "SELECT token_id, $1, model, sum(request_count), sum(prompt_tokens), sum(completion_tokens), "
      "sum(estimated_requests), sum(estimated_prompt_tokens), sum(estimated_completion_tokens) "
      "FROM days GROUP BY token_id, model ORDER BY token_id, model "
      "ON CONFLICT (token_id, date, model) DO UPDATE SET "
      "request_count = usage.request_count + excluded.request_count, "
      "prompt_tokens = usage.prompt_tokens + excluded.prompt_tokens, "
      "completion_tokens = usage.completion_tokens + excluded.completion_tokens, "
      "estimated_requests = usage.estimated_requests + excluded.estimated_requests, "
      "estimated_prompt_tokens = usage.estimated_prompt_tokens + excluded.estimated_prompt_tokens, "
      "estimated_completion_tokens = usage.estimated_completion_tokens + "
      "excluded.estimated_completion_tokens",
      {oldest[0][0].c_str(), std::to_string(most)});
  return rows.affected_rows() > 0;
}

std::string shared_text(Session& session, const std::string& name, const std::string& if_absent) {
  const auto kept = [&] { return session.ask("SELECT value FROM secrets WHERE name = $1", {name}); };
  Rows rows = kept();
  if (rows.empty()) {
    // Of two that come at once one is first, and what that wrote is read: each statement looks anew.
    session.ask("INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
                {name, if_absent});
    rows = kept();
  }
  return text(rows[0], 0);
}

std::string change_shared_text(Session& session, const std::string& name,
                               const AdminStore::ChangeText& change) {
  const Rows rows = session.ask("SELECT value FROM secrets WHERE name = $1 FOR UPDATE", {name});
  std::string made = change(rows.empty() ? std::string() : text(rows[0], 0));
  session.ask("UPDATE secrets SET value = $2 WHERE name = $1", {name, made});
  return made;
}

std::chrono::seconds take_place(Session& session, const PlaceRequest& request) {
  session.ask(
      "INSERT INTO address_windows (address, times, until_ms) VALUES ($1, '', 0) "
      "ON CONFLICT (address) DO NOTHING",
      {request.address});
  const Rows rows =
      session.ask("SELECT times FROM address_windows WHERE address = $1 FOR UPDATE", {request.address});
  if (rows.empty()) {  // forgotten in between
    throw Failure(ErrorKind::unavailable, "the server's database is busy; try again in a moment", "",
                  Trouble::conflict);
  }
  WindowLog window = parsed_window(text(rows[0], 0));
  const auto wait = window.take(request.limit, request.window, request.now);
  session.ask(
      "UPDATE address_windows SET times = $2, until_ms = $3::bigint WHERE address = $1",
      {request.address, window.text(), std::to_string(milliseconds(window.newest() + request.window))});
  return wait;
}

void forget_old(Session& session) {
  // An hour later than it counts: nobody's clock is that wrong.
  constexpr const char* an_hour_ago = "(extract(epoch FROM now()) - 3600) * 1000";
  session.run(std::string("DELETE FROM address_windows WHERE address IN (SELECT address FROM address_windows "
                          "WHERE until_ms < ") +
              an_hour_ago + " LIMIT 1000) AND until_ms < " + an_hour_ago);
  session.run("DELETE FROM nodes WHERE seen_at < now() - interval '7 days'");
}

}  // namespace opencat::postgres
