// SPDX-License-Identifier: MIT
// What serving asks of a store, on each kind of it.
#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "opencat/error.hpp"
#include "tests/server/store/store_fixture.hpp"

using namespace opencat;
using namespace opencat::store_test;
using Verdict = Admission::Verdict;

TEST_CASE("a token is found by its hash; deleted, it is unknown at once, and purged with its usage") {
  Fixture fixture(EACH_STORE);
  auto token = fixture.issue('a', {5, 50});
  fixture.issue('b');
  CHECK(fixture.admit(token).verdict == Verdict::admitted);
  const auto state = fixture.store->find_by_hash(token.hash, quota_period(now, 0min));
  REQUIRE(state);
  CHECK(state->token.id == "tok_a");
  CHECK(state->token.limits.daily == 5);
  CHECK(state->token.limits.monthly == 50);
  CHECK(state->token.last_used_at == iso8601(now));
  CHECK_FALSE(fixture.store->find_by_hash("x' OR '1'='1", quota_period(now, 0min)));
  CHECK(fixture.store->remove_all({"tok_a"}, now).empty());
  CHECK(fixture.store->remove_all({token.hash}, now) == std::vector{token.hash});
  CHECK(fixture.admit(token).verdict == Verdict::unknown_token);
  CHECK_FALSE(fixture.store->find_by_hash(token.hash, quota_period(now, 0min)));
  fixture.store->purge(now);
  fixture.commit();
  CHECK(fixture.sql("SELECT count(*) FROM " + fixture.all_usage()) == std::vector<std::string>{"1"});
  fixture.store->purge(now + 1s);
  CHECK(fixture.sql("SELECT count(*) FROM " + fixture.all_usage()) == std::vector<std::string>{"0"});
  CHECK(fixture.sql("SELECT id FROM tokens") == std::vector<std::string>{"tok_b"});
}

TEST_CASE("500 requests at once against a limit of 100 admit exactly 100") {
  Fixture fixture(EACH_STORE);
  const auto token = fixture.issue('a', {100, 3000});
  std::atomic<int> admitted{0};
  std::atomic<int> refused{0};
  std::vector<std::promise<void>> answered(500);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 10; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = t * 50; i < t * 50 + 50; ++i) {
        fixture.store->admit(
            {token.hash, std::string("m").append(std::to_string(i % 3)), quota_period(now, 0min), now},
            [&, i](const Admission& admission, std::exception_ptr) {
              if (admission.verdict == Verdict::admitted) ++admitted;
              if (admission.verdict == Verdict::daily_used_up) ++refused;
              answered[i].set_value();
            });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (auto& one : answered) one.get_future().wait();
  CHECK(admitted == 100);
  CHECK(refused == 400);
  CHECK(fixture.use(token).daily == 100);
}

TEST_CASE("an admission tells the use with this request in it") {
  Fixture fixture(EACH_STORE);
  const auto token = fixture.issue('a', {2, 3});
  CHECK(fixture.admit(token).use.daily == 1);
  const auto second = fixture.admit(token);
  CHECK(second.use.daily == 2);
  CHECK(second.use.monthly == 2);
  CHECK(second.token_id == "tok_a");
  CHECK(second.limits.monthly == 3);
  const auto third = fixture.admit(token);
  CHECK(third.verdict == Verdict::daily_used_up);
  CHECK(third.use.daily == 2);
}

TEST_CASE("days and months count apart, and the new ones begin with nothing") {
  Fixture fixture(EACH_STORE);
  const auto token = fixture.issue('a', {2, 3});
  const Time tomorrow = now + 24h;
  const Time next_month = now + 24h * 10;
  CHECK(fixture.admit(token).verdict == Verdict::admitted);
  CHECK(fixture.admit(token, now, "other").verdict == Verdict::admitted);
  CHECK(fixture.admit(token).verdict == Verdict::daily_used_up);
  CHECK(fixture.use(token, tomorrow).daily == 0);
  CHECK(fixture.use(token, tomorrow).monthly == 2);
  CHECK(fixture.admit(token, tomorrow).verdict == Verdict::admitted);
  CHECK(fixture.admit(token, tomorrow).verdict == Verdict::monthly_used_up);
  CHECK(fixture.use(token, next_month).monthly == 0);
  CHECK(fixture.admit(token, next_month).verdict == Verdict::admitted);
  CHECK(fixture.use(token, now).monthly == 3);
}

TEST_CASE("what is given back fits again, in the row it was counted in, never below nothing") {
  Fixture fixture(EACH_STORE);
  const auto token = fixture.issue('a', {1, 10});
  CHECK(fixture.admit(token).verdict == Verdict::admitted);
  fixture.store->give_back({"tok_a", "2026-11-23", "m"});
  CHECK(fixture.admit(token).verdict == Verdict::admitted);
  fixture.store->give_back({"tok_a", "2026-11-22", "m"});
  fixture.store->give_back({"tok_a", "2026-11-23", "unknown"});
  CHECK(fixture.admit(token).verdict == Verdict::daily_used_up);
  for (int i = 0; i < 3; ++i) fixture.store->give_back({"tok_a", "2026-11-23", "m"});
  fixture.open();
  CHECK(fixture.use(token).daily == 0);
}

TEST_CASE("settled usage adds up per token, day and model") {
  Fixture fixture(EACH_STORE);
  const auto token = fixture.issue('a');
  fixture.admit(token);
  fixture.admit(token, now, "n");
  for (std::int64_t i = 1; i <= 3; ++i) fixture.store->settle({"tok_a", "2026-11-23", "m"}, {10 * i, i});
  fixture.store->settle({"tok_a", "2026-11-23", "n"}, {5, 7});
  fixture.open();
  const auto rows = fixture.sql(
      "SELECT date || ' ' || model || ' ' || request_count || ' ' || prompt_tokens || ' ' || "
      "completion_tokens FROM " +
      fixture.all_usage() + " ORDER BY model");
  CHECK(rows == std::vector<std::string>{"2026-11-23 m 1 60 6", "2026-11-23 n 1 5 7"});
}

TEST_CASE("the minute's limit refuses without counting, and tells how long to wait") {
  Fixture fixture(EACH_STORE, 2);
  const auto token = fixture.issue('a');
  const auto other = fixture.issue('b');
  CHECK(fixture.admit(token).verdict == Verdict::admitted);
  CHECK(fixture.admit(token, now + 10s).verdict == Verdict::admitted);
  const auto refused = fixture.admit(token, now + 20s);
  CHECK(refused.verdict == Verdict::rate_limited);
  CHECK(refused.retry_after == 40s);
  CHECK(fixture.admit(other, now + 20s).verdict == Verdict::admitted);
  CHECK(fixture.use(token).daily == 2);
  CHECK(fixture.admit(token, now + 60s).verdict == Verdict::admitted);
}

TEST_CASE("a disabled token is refused before anything else") {
  Fixture fixture(EACH_STORE, 1);
  const auto token = fixture.issue('a', {0, 0});
  fixture.sql("UPDATE tokens SET status = 'disabled'");
  CHECK(fixture.admit(token).verdict == Verdict::disabled);
  CHECK(fixture.use(token).daily == 0);
}

TEST_CASE("a second token with the same hash is refused, and the first stays") {
  Fixture fixture(EACH_STORE);
  fixture.issue('a');
  CHECK_THROWS_AS(fixture.issue('a'), Error);
  CHECK(fixture.admit(fixture.issue('b')).verdict == Verdict::admitted);
}

TEST_CASE("an address has so many places in any so long time, and the next is told when") {
  Fixture fixture(EACH_STORE);
  const auto take = [&](const std::string& address, Time when) {
    return fixture.store->take_place({address, 2, 1h, when});
  };
  CHECK(take("192.0.2.1", now) == 0s);
  CHECK(take("192.0.2.1", now + 10min) == 0s);
  CHECK(take("192.0.2.1", now + 20min) == 40min);
  CHECK(take("2001:db8::", now + 20min) == 0s);
  CHECK(take("192.0.2.1", now + 60min) == 0s);
}

TEST_CASE("requests with different days, tokens and models count right in one group") {
  Fixture fixture(EACH_STORE);
  std::vector<TokenRecord> tokens;
  for (char name = 'a'; name <= 'e'; ++name) tokens.push_back(fixture.issue(name, {3, 5}));
  std::atomic<int> admitted{0};
  std::vector<std::promise<void>> answered(300);
  for (std::size_t i = 0; i < answered.size(); ++i) {
    const Time when = now + 24h * static_cast<int>(i / 5 % 3);
    AdmissionRequest request{tokens[i % 5].hash, i % 2 == 0 ? "m" : "n", quota_period(when, 0min), when};
    request.only_ask = i >= 240;
    fixture.store->admit(std::move(request), [&, i](const Admission& admission, std::exception_ptr problem) {
      if (admission.verdict == Verdict::admitted && i < 240 && !problem) ++admitted;
      answered[i].set_value();
    });
  }
  for (auto& one : answered) one.get_future().wait();
  CHECK(admitted == 25);
  for (const TokenRecord& token : tokens) {
    CHECK(fixture.use(token).monthly == 5);
    CHECK(fixture.use(token).daily <= 3);
  }
  fixture.commit();
  CHECK(fixture.sql("SELECT sum(request_count) FROM " + fixture.all_usage()) ==
        std::vector<std::string>{"25"});
}

TEST_CASE("texts that no database should trust are kept or looked for as they are") {
  Fixture fixture(EACH_STORE);
  auto token = fixture.issue('a');
  const std::string odd = "'; DROP TABLE tokens; -- \"\\ {a,b} NULL 张三 \xF0\x9F\x98\xBA";
  fixture.store->change("tok_a", {{}, {}, {}, odd}, quota_period(now, 0min));
  CHECK(fixture.store->find("tok_a", quota_period(now, 0min))->token.label == odd);
  CHECK(fixture.admit(token, now, odd).verdict == Verdict::admitted);
  fixture.store->settle({"tok_a", "2026-11-23", odd}, {3, 4});
  fixture.commit();
  CHECK(fixture.sql("SELECT model || prompt_tokens FROM " + fixture.all_usage()) ==
        std::vector<std::string>{odd + "3"});
  const std::string broken = std::string("tok\0_a", 6) + "\xff\xfe\xc3";
  CHECK_FALSE(fixture.store->find(broken, quota_period(now, 0min)));
  TokenQuery query;
  query.text = broken;
  CHECK(fixture.store->list(query, quota_period(now, 0min)).tokens.empty());
}
