// SPDX-License-Identifier: MIT
// What SQLite's store counts beside `usage`, and how it comes into it.
#include <thread>

#include "opencat/error.hpp"
#include "tests/server/store/store_fixture.hpp"

using namespace opencat;
using namespace opencat::store_test;
using Verdict = Admission::Verdict;

namespace {

using Rows = std::vector<std::string>;

const QuotaPeriod today = quota_period(now, 0min);

Rows folded(const Fixture& fixture) {
  return fixture.sql(
      "SELECT token_id || ' ' || date || ' ' || model || ' ' || request_count || ' ' || prompt_tokens "
      "FROM usage ORDER BY token_id, date, model");
}

Rows recent(const Fixture& fixture) { return fixture.sql("SELECT count(*) FROM recent_usage"); }

/// As a server leaves it that is killed, or one that counts in the same file.
void count_elsewhere(const Fixture& fixture, const std::string& token, int requests) {
  fixture.sql("INSERT INTO recent_usage VALUES ('" + token + "', '2026-11-23', 'm', " +
              std::to_string(requests) + ", 10, 20, 0, 0, 0)");
}

}  // namespace

TEST_CASE(
    "what a request counts is appended, holds at once, and is folded into usage when a report asks for it") {
  Fixture fixture;
  const auto a = fixture.issue('a', {3, 100});
  CHECK(fixture.admit(a).use.daily == 1);
  CHECK(fixture.admit(a).use.daily == 2);
  fixture.store->settle({"tok_a", "2026-11-23", "m"}, {5, 6});
  CHECK(fixture.admit(a, now, "n").use.daily == 3);
  CHECK(folded(fixture).empty());
  CHECK(fixture.admit(a).verdict == Verdict::daily_used_up);
  CHECK(fixture.use(a).daily == 3);
  CHECK(fixture.store->usage({"2026-11-23", "2026-11-23", UsageGroup::day, 10}).total.requests == 3);
  CHECK(folded(fixture) == Rows{"tok_a 2026-11-23 m 2 5", "tok_a 2026-11-23 n 1 0"});
  CHECK(recent(fixture) == Rows{"0"});
  CHECK(fixture.admit(a).verdict == Verdict::daily_used_up);
  CHECK(fixture.use(a).daily == 3);
}

TEST_CASE("what is recent counts to its own day and month") {
  Fixture fixture;
  const auto a = fixture.issue('a');
  for (const Time when : {now, now + 24h, now + 24h, now + 24h * 10}) fixture.admit(a, when);
  CHECK(fixture.use(a).daily == 1);
  CHECK(fixture.use(a).monthly == 3);
  CHECK(fixture.use(a, now + 24h).daily == 2);
  CHECK(fixture.use(a, now + 24h * 10).monthly == 1);
  CHECK(fixture.admit(a, now + 24h).use.monthly == 4);
  // Nor is what is folded taken for another day's, when the token was read for the one before.
  fixture.store->fold("");
  CHECK(fixture.admit(a).use.daily == 2);
  CHECK(fixture.admit(a, now + 24h).use.daily == 4);
  CHECK(fixture.admit(a, now + 24h * 10).use.monthly == 2);
}

TEST_CASE("a store that is closed leaves everything in usage") {
  Fixture fixture;
  fixture.admit(fixture.issue('a'));
  fixture.store.reset();
  CHECK(folded(fixture) == Rows{"tok_a 2026-11-23 m 1 0"});
  CHECK(recent(fixture) == Rows{"0"});
}

TEST_CASE("what a killed server left to be folded counts from the start, and is folded by the next") {
  Fixture fixture;
  const auto a = fixture.issue('a', {6, 100});
  fixture.admit(a);
  fixture.store.reset();
  count_elsewhere(fixture, "tok_a", 3);
  count_elsewhere(fixture, "tok_a", 1);
  fixture.open();
  CHECK(fixture.use(a).daily == 5);
  CHECK(fixture.admit(a).use.daily == 6);
  CHECK(fixture.admit(a).verdict == Verdict::daily_used_up);
  CHECK(folded(fixture) == Rows{"tok_a 2026-11-23 m 6 20"});
}

TEST_CASE("what another process counts or folds in the same file counts from the next request on") {
  Fixture fixture;
  const auto a = fixture.issue('a', {10, 100});
  fixture.admit(a);
  count_elsewhere(fixture, "tok_a", 3);
  CHECK(fixture.admit(a).use.daily == 5);
  CHECK(fixture.admit(a).use.daily == 6);
  // A successor that folds what this one wrote.
  fixture.sql(
      "BEGIN IMMEDIATE; INSERT INTO usage SELECT * FROM recent_usage WHERE 1 ON CONFLICT DO UPDATE SET "
      "request_count = request_count + excluded.request_count; DELETE FROM recent_usage; COMMIT");
  CHECK(fixture.admit(a).use.daily == 7);
  CHECK(fixture.use(a).daily == 7);
  fixture.sql("UPDATE tokens SET daily_limit = 7");
  CHECK(fixture.admit(a).verdict == Verdict::daily_used_up);
}

TEST_CASE("a group that cannot be committed counted nothing") {
  Fixture fixture;
  const auto a = fixture.issue('a');
  fixture.sql(
      "CREATE TRIGGER picky BEFORE INSERT ON recent_usage WHEN NEW.model = 'bad' BEGIN SELECT RAISE(ABORT, "
      "'bad'); END");
  CHECK(fixture.admit(a).use.daily == 1);  // takes in that another program changed the file, and so folds
  CHECK(fixture.admit(a).use.daily == 2);
  CHECK_THROWS_AS(fixture.admit(a, now, "bad"), Error);
  CHECK(fixture.admit(a).use.daily == 3);
  CHECK(fixture.use(a).daily == 3);
  fixture.store->fold("");
  CHECK(folded(fixture) == Rows{"tok_a 2026-11-23 m 3 0"});
  // Nor one that took in what another program wrote.
  fixture.sql("UPDATE tokens SET label = 'other'");
  CHECK_THROWS_AS(fixture.admit(a, now, "bad"), Error);
  CHECK(fixture.admit(a).use.daily == 4);
}

TEST_CASE("when nothing can be folded, reports tell what usage has, and nothing is lost") {
  Fixture fixture;
  const auto a = fixture.issue('a');
  fixture.admit(a);
  fixture.sql("CREATE TRIGGER broken BEFORE INSERT ON usage BEGIN SELECT RAISE(ABORT, 'broken'); END");
  CHECK(fixture.store->usage({"2026-11-23", "2026-11-23", UsageGroup::day, 10}).total.requests == 0);
  CHECK(fixture.use(a).daily == 1);
  fixture.sql("DROP TRIGGER broken");
  CHECK(fixture.store->usage({"2026-11-23", "2026-11-23", UsageGroup::day, 10}).total.requests == 1);
}

TEST_CASE("requests are not counted below none, and what a token that is gone had is left out") {
  Fixture fixture;
  const auto a = fixture.issue('a');
  fixture.admit(a);
  fixture.store->fold("");
  for (int i = 0; i < 3; ++i) fixture.store->give_back({"tok_a", "2026-11-23", "m"});
  fixture.store->give_back({"tok_a", "2026-11-22", "m"});
  fixture.store->settle({"tok_a", "2026-11-22", "m"}, {0, 0});
  CHECK(fixture.admit(a).use.daily == 1);
  fixture.store->settle({"tok_gone", "2026-11-23", "m"}, {1, 1});
  fixture.store->fold("");
  CHECK(folded(fixture) == Rows{"tok_a 2026-11-22 m 0 0", "tok_a 2026-11-23 m 1 0"});
  CHECK(recent(fixture) == Rows{"0"});
}

TEST_CASE("thousands of tokens' counts are folded without anybody asking") {
  Fixture fixture;
  constexpr int many = 5000;
  std::vector<TokenRecord> tokens;
  for (int i = 0; i < many; ++i) {
    TokenRecord token;
    token.id = "tok_" + std::to_string(i);
    token.hash = "hash " + std::to_string(i);
    token.limits = {1, 1};
    tokens.push_back(token);
  }
  fixture.store->issue_all(tokens);
  std::atomic<int> admitted{0};
  std::promise<void> all;
  std::atomic<int> left{many};
  for (const TokenRecord& token : tokens) {
    fixture.store->admit({token.hash, "m", today, now}, [&](const Admission& admission, std::exception_ptr) {
      if (admission.verdict == Verdict::admitted) ++admitted;
      if (--left == 0) all.set_value();
    });
  }
  all.get_future().get();
  CHECK(admitted == many);
  const int folded = std::stoi(fixture.sql("SELECT count(*) FROM usage").front());
  CHECK(folded > 4096);
  CHECK(folded + std::stoi(recent(fixture).front()) == many);
  for (const int i : {0, many / 2, many - 1})
    CHECK(fixture.admit(tokens[static_cast<std::size_t>(i)]).verdict == Verdict::monthly_used_up);
}

TEST_CASE("looking a token up while its requests are counted and folded never tells fewer than before") {
  Fixture fixture;
  const auto a = fixture.issue('a', {1000, 1000});
  std::atomic<bool> done{false};
  std::thread folding([&] {
    while (!done) fixture.store->fold("");
  });
  std::atomic<bool> is_steady{true};
  std::thread looking([&] {
    for (std::int64_t before = 0; !done;) {
      const std::int64_t seen = fixture.store->find_by_hash(a.hash, today)->use.daily;
      if (seen < before || seen > 300) is_steady = false;
      before = seen;
    }
  });
  for (int i = 1; i <= 300; ++i) CHECK(fixture.admit(a).use.daily == i);
  done = true;
  folding.join();
  looking.join();
  CHECK(is_steady);
  CHECK(fixture.use(a).daily == 300);
}
