// SPDX-License-Identifier: MIT
#include "server/store/postgres/recent_usage.hpp"

namespace opencat::postgres {

namespace {

/// Their requests wait meanwhile, for some milliseconds.
constexpr int folded_at_once = 500;

}  // namespace

void fold_tokens(Session& session, const std::string& ids) {
  session.ask("SELECT 1 FROM recent_tokens WHERE token_id = ANY($1::text[]) ORDER BY token_id FOR UPDATE",
              {ids});
  session.ask(fold_usage, {ids});
}

std::string fold_some(Session& session, const std::string& after) {
  const Rows due = session.ask(
      "SELECT token_id FROM recent_tokens WHERE token_id > $1 AND folded_at < now() - interval '2 minutes' "
      "ORDER BY token_id LIMIT $2::bigint FOR UPDATE",
      {after, std::to_string(folded_at_once)});
  if (due.empty()) return {};
  Array ids;
  for (const Row& row : due) ids.add(text(row, 0));
  // A minute behind the last request nothing of its window counts; another one for good measure. Who came
  // once is so done with at one go.
  session.ask(
      "DELETE FROM recent_tokens WHERE token_id = ANY($1::text[]) AND used_at < now() - interval '2 minutes'",
      {ids.text()});
  session.ask(fold_usage, {ids.text()});
  return text(due[due.size() - 1], 0);
}

}  // namespace opencat::postgres
