// SPDX-License-Identifier: MIT
// What an operator asks of the store.
#include <algorithm>
#include <thread>

#include "opencat/assets.hpp"
#include "opencat/error.hpp"
#include "tests/server/store/store_fixture.hpp"

using namespace opencat;
using namespace opencat::store_test;
using Status = TokenState::Status;

namespace {

const QuotaPeriod today = quota_period(now, 0min);

std::string ids(const TokenPage& page) {
  std::string text;
  for (const TokenState& state : page.tokens) text += state.token.id.substr(4);
  return text;
}

std::string ids(Fixture& fixture, const TokenQuery& query) { return ids(fixture.store->list(query, today)); }

TokenQuery with_text(const std::string& text) {
  TokenQuery query;
  query.text = text;
  return query;
}

TokenQuery with_status(Status status) {
  TokenQuery query;
  query.status = status;
  return query;
}

std::vector<std::string> usage_rows(Fixture& fixture) {
  fixture.commit();
  return fixture.sql(
      "SELECT token_id || ' ' || date || ' ' || model || ' ' || request_count || ' ' || prompt_tokens || "
      "' ' || completion_tokens || ' ' || estimated_requests || ' ' || estimated_prompt_tokens || ' ' || "
      "estimated_completion_tokens FROM usage ORDER BY 1");
}

}  // namespace

TEST_CASE("tokens are listed newest first, by pages that neither overlap nor leave out") {
  Fixture fixture(EACH_STORE);
  for (char name = 'a'; name <= 'e'; ++name) fixture.issue(name);
  TokenQuery query;
  query.limit = 2;
  const TokenPage first = fixture.store->list(query, today);
  CHECK(ids(first) == "ed");
  CHECK(first.total == 5);
  query.offset = 2;
  CHECK(ids(fixture, query) == "cb");
  query.offset = 4;
  CHECK(ids(fixture, query) == "a");
  query.offset = 6;
  CHECK(ids(fixture, query).empty());
  CHECK(fixture.store->list(query, today).total == 5);
  query = {};
  query.order = SortOrder::ascending;
  CHECK(ids(fixture, query) == "abcde");
}

TEST_CASE("tokens are sorted by what was asked, in either direction") {
  Fixture fixture(EACH_STORE);
  const auto a = fixture.issue('a');
  fixture.issue('b');
  fixture.issue('c');
  fixture.store->change("tok_a", {{}, {}, {}, "Zoe"}, today);
  fixture.store->change("tok_b", {{}, {}, {}, "adam"}, today);
  fixture.store->change("tok_c", {{}, {}, {}, "Bea"}, today);
  fixture.admit(a);
  TokenQuery query;
  query.order = SortOrder::ascending;
  query.sort = TokenSort::label;
  CHECK(ids(fixture, query) == "bca");
  query.sort = TokenSort::id;
  CHECK(ids(fixture, query) == "abc");
  query.sort = TokenSort::platform;
  CHECK(ids(fixture, query) == "abc");
  query.sort = TokenSort::last_used_at;
  query.order = SortOrder::descending;
  CHECK(ids(fixture, query) == "acb");
}

TEST_CASE("a search finds what holds the text, and takes no character for more than itself") {
  Fixture fixture(EACH_STORE);
  for (char name = 'a'; name <= 'd'; ++name) fixture.issue(name);
  fixture.store->change("tok_a", {{}, {}, {}, "100% Ms Li"}, today);
  fixture.store->change("tok_b", {{}, {}, {}, "under_score"}, today);
  fixture.store->change("tok_c", {{}, {}, {}, "back\\slash 张三"}, today);
  CHECK(ids(fixture, with_text("ms li")) == "a");
  CHECK(ids(fixture, with_text("%")) == "a");
  CHECK(ids(fixture, with_text("r_s")) == "b");
  CHECK(ids(fixture, with_text("k\\s")) == "c");
  CHECK(ids(fixture, with_text("张")) == "c");
  CHECK(ids(fixture, with_text("tok_d")) == "d");
  CHECK(ids(fixture, with_text("linux")) == "dcba");
  CHECK(ids(fixture, with_text("' OR 1=1 --")).empty());
  TokenQuery query;
  query.hash = std::string(32, 'b');
  CHECK(ids(fixture, query) == "b");
}

TEST_CASE("a list by status agrees with what each token is told") {
  Fixture fixture(EACH_STORE);
  const auto a = fixture.issue('a', {1, 100});
  const auto b = fixture.issue('b', {10, 2});
  const auto c = fixture.issue('c');
  fixture.issue('d', {0, 0});
  fixture.issue('e');
  fixture.admit(a);
  fixture.admit(b);
  fixture.admit(b, now - 24h);
  fixture.admit(c);
  fixture.store->change("tok_e", {TokenStatus::disabled, {}, {}, {}}, today);
  CHECK(ids(fixture, with_status(Status::quota_exceeded)) == "dba");
  CHECK(ids(fixture, with_status(Status::active)) == "c");
  CHECK(ids(fixture, with_status(Status::disabled)) == "e");
  for (const TokenState& state : fixture.store->list({}, today).tokens) {
    const TokenPage same = fixture.store->list(with_status(state.status()), today);
    CHECK(ids(same).find(state.token.id.substr(4)) != std::string::npos);
    CHECK(same.total == static_cast<std::int64_t>(same.tokens.size()));
  }
}

TEST_CASE("a change changes what it names, by id or hash, and counts at once") {
  Fixture fixture(EACH_STORE);
  const auto token = fixture.issue('a');
  const auto changed = fixture.store->change("tok_a", {TokenStatus::disabled, 7, {}, {}}, today);
  REQUIRE(changed);
  CHECK(changed->token.status == TokenStatus::disabled);
  CHECK(changed->token.limits.daily == 7);
  CHECK(changed->token.limits.monthly == 3000);
  CHECK(fixture.admit(token).verdict == Admission::Verdict::disabled);
  const auto again = fixture.store->change(token.hash, {TokenStatus::active, {}, 0, "x"}, today);
  REQUIRE(again);
  CHECK(again->token.limits.daily == 7);
  CHECK(again->token.label == "x");
  CHECK(fixture.admit(token).verdict == Admission::Verdict::monthly_used_up);
  CHECK_FALSE(fixture.store->change("tok_z", {TokenStatus::active, {}, {}, {}}, today));
  CHECK_FALSE(fixture.store->change("' OR '1'='1", {TokenStatus::disabled, {}, {}, {}}, today));
  CHECK(fixture.store->find("tok_a", today)->token.status == TokenStatus::active);
}

TEST_CASE("tokens issued together are all there, or none") {
  Fixture fixture(EACH_STORE);
  const auto a = fixture.issue('a');
  auto b = a;
  b.id = "tok_b";
  b.hash = std::string(32, 'b');
  CHECK_THROWS_AS(fixture.store->issue_all({b, a}), Error);
  CHECK(ids(fixture, {}) == "a");
  fixture.store->issue_all({b});
  CHECK(ids(fixture, {}) == "ba");
}

TEST_CASE("usage sums up by the plans that tokens have now; those without one are a group of their own") {
  Fixture fixture(EACH_STORE);
  for (const char* name : {"p", "q"}) {
    Plan plan;
    plan.name = name;
    REQUIRE(fixture.store->add_plan(plan, today));
  }
  std::vector<TokenRecord> tokens;
  for (const char name : {'a', 'b', 'c', 'd'}) tokens.push_back(fixture.issue(name));
  const auto give = [&](const std::string& id, const std::string& plan) {
    TokenChange change;
    change.plan = plan;
    REQUIRE(fixture.store->change(id, change, today));
  };
  for (const char* id : {"tok_a", "tok_b"}) give(id, "p");
  give("tok_c", "q");
  for (const TokenRecord& token : tokens) fixture.admit(token, now, "m");
  fixture.admit(tokens[0], now - 24h, "n");
  fixture.admit(tokens[3], now, "n");
  fixture.store->settle({"tok_b", "2026-11-23", "m"}, {20, 2});
  fixture.store->settle({"tok_d", "2026-11-23", "n"}, {5, 6, true});
  fixture.commit();
  const auto rows = [&](const UsageQuery& query) {
    std::string text;
    const UsageSummary summary = fixture.store->usage(query);
    for (const UsageRow& row : summary.rows) {
      text += row.key + "=" + std::to_string(row.sums.requests) + "/" +
              std::to_string(row.sums.tokens.prompt) + "/" +
              std::to_string(row.sums.estimated_tokens.completion) + " ";
    }
    return text + "of " + std::to_string(summary.total.requests);
  };
  const UsageQuery all{"2026-11-01", "2026-11-23", UsageGroup::plan, 10};
  CHECK(rows(all) == "p=3/20/0 =2/5/6 q=1/0/0 of 6");
  CHECK(rows({"2026-11-22", "2026-11-22", UsageGroup::plan, 10}) == "p=1/0/0 of 1");
  CHECK(rows({"2026-11-01", "2026-11-23", UsageGroup::plan, 1}) == "p=3/20/0 of 6");
  CHECK(rows({"2026-11-01", "2026-11-23", UsageGroup::plan, 10, "tok_c"}) == "q=1/0/0 of 1");
  // What a deleted token used was used.
  CHECK(fixture.store->remove_all({"tok_b"}, now).empty());
  give("tok_a", "");
  CHECK(rows(all) == "=4/5/6 p=1/20/0 q=1/0/0 of 6");
}

TEST_CASE("usage sums up by day, token and model, and says how much is estimated") {
  Fixture fixture(EACH_STORE);
  const auto a = fixture.issue('a');
  const auto b = fixture.issue('b');
  fixture.admit(a, now - 24h, "m");
  fixture.admit(a, now, "m");
  fixture.admit(b, now, "n");
  fixture.admit(b, now, "n");
  fixture.store->settle({"tok_a", "2026-11-22", "m"}, {10, 1});
  fixture.store->settle({"tok_b", "2026-11-23", "n"}, {20, 2});
  fixture.store->settle({"tok_b", "2026-11-23", "n"}, {5, 6, true});
  const auto rows = [&](const std::string& from, UsageGroup group) {
    std::string text;
    for (const UsageRow& row : fixture.store->usage({from, "2026-11-23", group, 10}).rows) {
      text += row.key + "=" + std::to_string(row.sums.requests) + "/" +
              std::to_string(row.sums.tokens.prompt) + "/" +
              std::to_string(row.sums.estimated_tokens.completion) + " ";
    }
    return text;
  };
  fixture.commit();
  CHECK(rows("2026-11-01", UsageGroup::day) == "2026-11-22=1/10/0 2026-11-23=3/25/6 ");
  CHECK(rows("2026-11-23", UsageGroup::day) == "2026-11-23=3/25/6 ");
  CHECK(rows("2026-11-01", UsageGroup::token) == "tok_a=2/10/0 tok_b=2/25/6 ");
  CHECK(rows("2026-11-01", UsageGroup::model) == "m=2/10/0 n=2/25/6 ");
  const UsageSummary limited = fixture.store->usage({"2026-11-01", "2026-11-23", UsageGroup::model, 1});
  CHECK(limited.rows.size() == 1);
  CHECK(limited.total.requests == 4);
  CHECK(limited.total.estimated_requests == 1);
  CHECK(limited.total.estimated_tokens.prompt == 5);
}

TEST_CASE("old usage is rolled up by months in steps, and no sum changes by it") {
  Fixture fixture(EACH_STORE);
  const auto token = fixture.issue('a');
  for (int day = 0; day < 70; ++day) {
    const Time then = now - std::chrono::days(day);
    fixture.admit(token, then, "m");
    if (day % 2 == 0) fixture.admit(token, then, "n");
    fixture.store->settle({"tok_a", quota_period(then, 0min).day, "m"}, {2, 3, day % 10 == 0});
  }
  const auto total = [&] {
    const UsageSums sums = fixture.store->usage({"2026-01-01", "2026-12-31", UsageGroup::day, 100}).total;
    return std::vector{sums.requests, sums.tokens.prompt, sums.estimated_tokens.completion};
  };
  fixture.commit();
  const auto before = total();
  CHECK(before == std::vector<std::int64_t>{105, 140, 21});
  while (fixture.store->roll_up("2026-11")) continue;
  CHECK(total() == before);
  const auto rows = usage_rows(fixture);
  const auto are_months = [](const std::string& row) { return row.find("tok_a 2026-11-") != 0; };
  CHECK(std::count_if(rows.begin(), rows.end(), are_months) == 4);
  CHECK(rows.front() == "tok_a 2026-09 m 16 32 48 1 2 3");
  // This month's days are as they were, and so is what is left of the quota; days of before count, too.
  CHECK(fixture.use(token).monthly == 35);
  CHECK(fixture.use(token, now - 40 * 24h).monthly == 46);
  CHECK_FALSE(fixture.store->roll_up("2026-11"));
  // A month counts as its first day.
  CHECK(fixture.store->usage({"2026-10-01", "2026-10-01", UsageGroup::day, 10}).total.requests == 46);
  CHECK(fixture.store->usage({"2026-10-02", "2026-10-31", UsageGroup::day, 10}).total.requests == 0);
  // What comes late is added to its month.
  fixture.admit(token, now - 40 * 24h, "m");
  while (fixture.store->roll_up("2026-11")) continue;
  CHECK(fixture.store->usage({"2026-10-01", "2026-10-01", UsageGroup::day, 10}).total.requests == 47);
}

TEST_CASE("one step of rolling up is bounded") {
  Fixture fixture(EACH_STORE);
  fixture.issue('a');
  fixture.sql(
      "INSERT INTO usage (token_id, date, model, request_count) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL "
      "SELECT i + 1 FROM n WHERE i < 1200) SELECT 'tok_a', '2025-01-15', 'm' || i, 1 FROM n");
  CHECK(fixture.store->roll_up("2026-01"));
  CHECK(fixture.sql("SELECT count(*) FROM usage WHERE date = '2025-01'") == std::vector<std::string>{"500"});
}

TEST_CASE("the WAL shrinks again once an operator's long session lets it") {
  Fixture fixture;
  const auto token = fixture.issue('a');
  sqlite3* reader = nullptr;
  REQUIRE(sqlite3_open(fixture.file.c_str(), &reader) == SQLITE_OK);
  REQUIRE(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM tokens", nullptr, nullptr, nullptr) == SQLITE_OK);
  const fs::path wal = fixture.file.string() + "-wal";
  sqlite3* writer = nullptr;
  REQUIRE(sqlite3_open(fixture.file.c_str(), &writer) == SQLITE_OK);
  sqlite3_busy_timeout(writer, 10'000);
  REQUIRE(sqlite3_exec(writer, "CREATE TABLE big (x); INSERT INTO big VALUES (zeroblob(80000000))", nullptr,
                       nullptr, nullptr) == SQLITE_OK);
  CHECK(fs::file_size(wal) > (64u << 20));
  fixture.store->bound_wal();  // cannot, and does not wait for long
  CHECK(fixture.admit(token).verdict == Admission::Verdict::admitted);
  sqlite3_close(writer);
  sqlite3_exec(reader, "COMMIT", nullptr, nullptr, nullptr);
  fixture.store->bound_wal();
  CHECK(fs::file_size(wal) <= (64u << 20));
  CHECK(fixture.admit(token).verdict == Admission::Verdict::admitted);
  sqlite3_close(reader);
}

TEST_CASE("while another program holds the file, requests wait; beyond a bound they are told to come again") {
  Fixture fixture;
  fixture.open(1'000'000, std::chrono::milliseconds{300});
  const auto token = fixture.issue('a');
  sqlite3* other = nullptr;
  REQUIRE(sqlite3_open(fixture.file.c_str(), &other) == SQLITE_OK);
  REQUIRE(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
  fixture.store->settle({"tok_a", "2026-11-23", "m"}, {1, 1});
  try {
    fixture.admit(token);
    FAIL("it was admitted");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::unavailable);
    CHECK(error.retry_after_s.value_or(0) >= 1);
    CHECK(error.message().find(fixture.file.string()) == std::string::npos);
  }
  CHECK(fixture.use(token).daily == 0);  // reading goes on
  REQUIRE(sqlite3_exec(other, "INSERT INTO usage (token_id, date, model) VALUES ('tok_a', '2026-11-23', 'm')",
                       nullptr, nullptr, nullptr) == SQLITE_OK);
  REQUIRE(sqlite3_exec(other, "COMMIT", nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(other);
  CHECK(fixture.admit(token).verdict == Admission::Verdict::admitted);
  // What was to be settled meanwhile is not lost.
  CHECK(usage_rows(fixture) == std::vector<std::string>{"tok_a 2026-11-23 m 1 1 1 0 0 0"});
}

TEST_CASE("a database of the first schema keeps its tokens and usage") {
  const TemporaryFolder folder(fs::temp_directory_path(), "opencat-store-");
  const fs::path file = folder.path() / "opencat.db";
  sql(file, std::string(asset("migrations/sqlite/001_tokens_and_usage.sql")));
  sql(file,
      "PRAGMA user_version = 1;"
      "INSERT INTO tokens VALUES ('tok_b', x'62', 'occ_0000', 'active', 'linux-x64', 'i', '1', 'two', 5, 6, "
      "'{}', "
      "'2026-01-02', NULL), ('tok_a', x'61', 'occ_0000', 'disabled', 'linux-x64', 'i', '1', 'one', 5, 6, "
      "'{}', "
      "'2026-01-01', '2026-01-03');"
      "INSERT INTO usage VALUES ('tok_a', '2026-11-23', 'm', 3, 4, 5)");
  const auto store = open_store({"", file}, {});
  CHECK(ids(store->list({}, today)) == "ba");
  const auto found = store->find("tok_a", today);
  REQUIRE(found);
  CHECK(found->token.label == "one");
  CHECK(found->token.last_used_at == "2026-01-03");
  CHECK(found->use.daily == 3);
  CHECK(store->remove_all({"tok_a"}, now).empty());
  store->purge(now + 1s);
  CHECK(sql(file, "SELECT count(*) FROM usage") == std::vector<std::string>{"0"});
  CHECK(sql(file, "PRAGMA foreign_key_check").empty());
}
