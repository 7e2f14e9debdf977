// SPDX-License-Identifier: MIT
// Finding few tokens among many: who is used up, what is deleted, and pages by cursor.
#include <algorithm>

#include "tests/server/store/store_fixture.hpp"

using namespace opencat;
using namespace opencat::store_test;
using Status = TokenState::Status;

namespace {

const QuotaPeriod today = quota_period(now, 0min);

std::string ids(const std::vector<TokenState>& tokens) {
  std::string text;
  for (const TokenState& state : tokens) text += state.token.id.substr(4);
  return text;
}

std::string with_status(Fixture& fixture, Status status, const QuotaPeriod& period = today) {
  TokenQuery query;
  query.status = status;
  const TokenPage page = fixture.store->list(query, period);
  CHECK(page.total == static_cast<std::int64_t>(page.tokens.size()));
  return ids(page.tokens);
}

std::string used_up(Fixture& fixture, const QuotaPeriod& period = today) {
  return with_status(fixture, Status::quota_exceeded, period);
}

std::string marks(const Fixture& fixture) {
  std::string text;
  for (const std::string& mark : fixture.sql("SELECT coalesce(used_up_until, '-') FROM tokens ORDER BY seq"))
    text += mark + " ";
  return text;
}

}  // namespace

TEST_CASE("a token is marked by the request that uses it up, until its day or its month ends") {
  Fixture fixture(EACH_STORE);
  const auto a = fixture.issue('a', {2, 100});
  const auto b = fixture.issue('b', {100, 2});
  fixture.issue('c', {0, 100});
  fixture.issue('d');
  CHECK(marks(fixture) == "- - 9999-12-31 - ");
  for (const auto& token : {a, b}) fixture.admit(token);
  CHECK(marks(fixture) == "- - 9999-12-31 - ");
  for (const auto& token : {a, b}) fixture.admit(token);
  CHECK(marks(fixture) == "2026-11-23 2026-11-31 9999-12-31 - ");
  CHECK(used_up(fixture) == "cba");
  CHECK(with_status(fixture, Status::active) == "d");
  CHECK(used_up(fixture, quota_period(now + 24h, 0min)) == "cb");
  CHECK(used_up(fixture, quota_period(now + 30 * 24h, 0min)) == "c");
  CHECK(with_status(fixture, Status::active, quota_period(now + 30 * 24h, 0min)) == "dba");
}

TEST_CASE("who is used up follows limits that change and requests that are given back") {
  Fixture fixture(EACH_STORE);
  const auto a = fixture.issue('a', {2, 100});
  fixture.admit(a);
  fixture.store->change("tok_a", {{}, 1, {}, {}}, today);
  CHECK(used_up(fixture) == "a");
  fixture.store->change("tok_a", {{}, 2, {}, {}}, today);
  CHECK(used_up(fixture).empty());
  fixture.admit(a);
  CHECK(used_up(fixture) == "a");
  fixture.store->give_back({"tok_a", "2026-11-23", "m"});
  fixture.commit();
  CHECK(used_up(fixture).empty());
  CHECK(fixture.store->change_all({"tok_a", "tok_z"}, {{}, {}, 0, {}}, today) ==
        std::vector<std::string>{"tok_z"});
  CHECK(used_up(fixture) == "a");
}

TEST_CASE("limits that an operator changed in the file are noticed by the next request that is refused") {
  Fixture fixture(EACH_STORE);
  const auto a = fixture.issue('a', {5, 100});
  fixture.admit(a);
  fixture.sql("UPDATE tokens SET daily_limit = 1");
  CHECK(fixture.admit(a).verdict == Admission::Verdict::daily_used_up);
  CHECK(used_up(fixture) == "a");
}

TEST_CASE("an older database's tokens that are used up are found after its migration") {
  // The migration goes by the system's day, for a file has no other.
  const auto day = [](const std::string& modifier) {
    Fixture any;
    return sql(any.file, "SELECT date('now'" + modifier + ")").front();
  };
  const std::string date = day("");
  Fixture fixture;
  fixture.issue('a', {2, 100});
  fixture.issue('b', {100, 3});
  fixture.issue('c', {0, 100});
  fixture.issue('d');
  sql(fixture.file, "INSERT INTO usage (token_id, date, model, request_count) SELECT id, '" + date +
                        "', 'm', 3 FROM tokens");
  fixture.store.reset();
  sql(fixture.file,
      "DROP TABLE recent_usage; DROP INDEX tokens_by_label; DROP INDEX tokens_disabled; DROP INDEX "
      "tokens_used_up; DROP INDEX "
      "tokens_deleted; DROP INDEX tokens_by_plan; ALTER TABLE tokens DROP COLUMN plan; DROP TABLE plans; "
      "ALTER TABLE tokens DROP COLUMN deleted_at; ALTER TABLE tokens DROP COLUMN "
      "used_up_until; "
      "PRAGMA user_version = 2");
  fixture.open();
  QuotaPeriod period;
  period.day = date;
  period.month = date.substr(0, 7);
  CHECK(used_up(fixture, period) == "cba");
  CHECK(with_status(fixture, Status::active, period) == "d");
}

TEST_CASE("the counts are those of the lists") {
  Fixture fixture(EACH_STORE);
  const auto a = fixture.issue('a', {1, 100});
  for (const char name : {'b', 'c', 'd', 'e', 'f'}) fixture.issue(name);
  fixture.admit(a);
  fixture.store->change("tok_b", {TokenStatus::disabled, {}, {}, {}}, today);
  fixture.store->remove_all({"tok_c", "tok_b"}, now);
  fixture.store->change("tok_d", {TokenStatus::disabled, {}, {}, {}}, today);
  const TokenCounts counts = fixture.store->counts(today);
  CHECK(counts.active == 2);
  CHECK(counts.disabled == 1);
  CHECK(counts.quota_exceeded == 1);
  CHECK(counts.deleted == 2);
  CHECK(counts.all() == fixture.store->list({}, today).total);
  CHECK(with_status(fixture, Status::active) == "fe");
  CHECK(with_status(fixture, Status::disabled) == "d");
  CHECK(with_status(fixture, Status::deleted) == "cb");
}

TEST_CASE("a cursor goes through a list in every order, and is not moved by what comes or goes") {
  Fixture fixture(EACH_STORE);
  for (char name = 'a'; name <= 'i'; ++name) {
    const auto token = fixture.issue(name);
    const std::string label = name < 'd' ? "same" : std::string(1, static_cast<char>('z' - name + 'a'));
    fixture.store->change(token.id, {{}, {}, {}, label}, today);
    if (name % 2 == 0) fixture.admit(token, now + std::chrono::minutes(name));
  }
  for (const TokenSort sort : {TokenSort::created_at, TokenSort::last_used_at, TokenSort::label,
                               TokenSort::platform, TokenSort::id}) {
    for (const SortOrder order : {SortOrder::ascending, SortOrder::descending}) {
      TokenQuery query;
      query.sort = sort;
      query.order = order;
      const std::string whole = ids(fixture.store->list(query, today).tokens);
      query.limit = 2;
      std::string walked;
      do {
        const TokenPage page = fixture.store->list(query, today);
        walked += ids(page.tokens);
        query.after = page.next;
      } while (query.after);
      CHECK(walked == whole);
      CHECK(walked.size() == 9);
    }
  }
  TokenQuery query;
  query.limit = 3;
  query.after = fixture.store->list(query, today).next;
  fixture.issue('j');
  fixture.store->remove_all({"tok_g"}, now);  // the one that the cursor is at
  CHECK(ids(fixture.store->list(query, today).tokens) == "fed");
}

TEST_CASE("purging ends the tokens deleted before then, some at a time, with their usage") {
  Fixture fixture(EACH_STORE);
  std::vector<std::string> names;
  for (char name = 'A'; name <= 'Z'; ++name) {
    fixture.admit(fixture.issue(name));
    names.push_back(std::string("tok_") + name);
  }
  names.pop_back();
  fixture.store->remove_all(names, now);
  fixture.store->restore_all({"tok_A"});
  CHECK(fixture.store->purge(now + 1s));
  CHECK_FALSE(fixture.store->purge(now + 1s));
  fixture.commit();
  CHECK(fixture.sql("SELECT DISTINCT token_id FROM " + fixture.all_usage() + " ORDER BY 1") ==
        std::vector<std::string>{"tok_A", "tok_Z"});
  CHECK(ids(fixture.store->list({}, today).tokens) == "ZA");
}
