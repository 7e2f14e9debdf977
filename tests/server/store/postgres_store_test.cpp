// SPDX-License-Identifier: MIT
// What is PostgreSQL's alone: several that share it.
#include "server/store/postgres/postgres_store.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <latch>
#include <thread>

#include "opencat/error.hpp"
#include "tests/server/store/store_fixture.hpp"

using namespace opencat;
using namespace opencat::store_test;
using Verdict = Admission::Verdict;

namespace {

/// Several servers' stores on one database.
struct Nodes : Fixture {
  std::vector<std::unique_ptr<AdminStore>> stores;

  explicit Nodes(std::size_t count, std::size_t per_minute = 1'000'000)
      : Fixture(StoreKind::postgres, per_minute) {
    for (std::size_t i = 0; i < count; ++i) stores.push_back(open_store(address, {per_minute, 5s}));
  }

  /// So many requests of the token at each store, all at once: how many were admitted.
  int burst(const TokenRecord& token, int each, Verdict refusal) {
    std::atomic<int> admitted{0};
    std::atomic<int> refused{0};
    std::vector<std::promise<void>> answered(stores.size() * static_cast<std::size_t>(each));
    std::vector<std::thread> threads;
    std::latch together(static_cast<std::ptrdiff_t>(stores.size()));
    for (std::size_t s = 0; s < stores.size(); ++s) {
      threads.emplace_back([&, s] {
        together.arrive_and_wait();
        for (std::size_t i = 0; i < static_cast<std::size_t>(each); ++i) {
          const std::size_t place = s * static_cast<std::size_t>(each) + i;
          stores[s]->admit({token.hash, i % 2 == 0 ? "m" : "n", quota_period(now, 0min), now},
                           [&, place](const Admission& admission, std::exception_ptr) {
                             if (admission.verdict == Verdict::admitted) ++admitted;
                             if (admission.verdict == refusal) ++refused;
                             answered[place].set_value();
                           });
        }
      });
    }
    for (auto& thread : threads) thread.join();
    for (auto& one : answered) one.get_future().wait();
    CHECK(refused == static_cast<int>(answered.size()) - admitted);
    return admitted;
  }
};

bool is_there() { return store_kinds().size() > 1; }

/// A clock that is wrong by so much.
class WrongClock : public Clock {
 public:
  explicit WrongClock(std::chrono::milliseconds wrong) : wrong_(wrong) {}
  Time now() const override { return SystemClock().now() + wrong_; }

 private:
  std::chrono::milliseconds wrong_;
};

std::string message_of_opening(const std::string& url, ErrorKind kind) {
  try {
    open_postgres_store(url, {});
  } catch (const Error& error) {
    CHECK(error.kind() == kind);
    CHECK(error.message().find("secret-word") == std::string::npos);
    CHECK(error.message().find('\n') == std::string::npos);
    return error.message();
  }
  FAIL("it was opened");
  return {};
}

}  // namespace

TEST_CASE("over three stores of one database a daily limit of 100 admits exactly 100 of 1500") {
  if (!is_there()) return;
  Nodes nodes(3);
  const auto token = nodes.issue('a', {100, 3000});
  CHECK(nodes.burst(token, 500, Verdict::daily_used_up) == 100);
  CHECK(nodes.use(token).daily == 100);
  for (char name = 'b'; name <= 'k'; ++name) {
    const auto other = nodes.issue(name, {5, 3000});
    CHECK(nodes.burst(other, 10, Verdict::daily_used_up) == 5);
    CHECK(nodes.use(other).daily == 5);
  }
}

TEST_CASE("over three stores of one database a minute's limit is as exact") {
  if (!is_there()) return;
  Nodes nodes(3, 20);
  const auto token = nodes.issue('a');
  CHECK(nodes.burst(token, 40, Verdict::rate_limited) == 20);
  CHECK(nodes.use(token).daily == 20);
}

TEST_CASE("an address has its places once, whichever store it comes to") {
  if (!is_there()) return;
  Nodes nodes(3);
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (const auto& store : nodes.stores) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) taken += store->take_place({"192.0.2.1", 5, 1h, now}).count() == 0 ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(taken == 5);
}

TEST_CASE("servers that start at once on an empty database make its tables once") {
  if (!is_there()) return;
  const std::string url = new_postgres_schema();
  std::vector<std::future<std::unique_ptr<AdminStore>>> opened;
  for (int i = 0; i < 4; ++i)
    opened.push_back(std::async(std::launch::async, [&] { return open_postgres_store(url, {}); }));
  for (auto& one : opened) CHECK(one.get() != nullptr);
  CHECK(psql(url, "SELECT version FROM schema_version") == std::vector<std::string>{"4"});
}

TEST_CASE("a database of a newer opencat is refused and left as it is") {
  if (!is_there()) return;
  const std::string url = new_postgres_schema();
  psql(url,
       "CREATE TABLE schema_version (name TEXT PRIMARY KEY, version BIGINT NOT NULL); "
       "INSERT INTO schema_version VALUES ('opencat', 99)");
  CHECK(message_of_opening(url, ErrorKind::usage).find("newer") != std::string::npos);
  CHECK(psql(url, "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()") ==
        std::vector<std::string>{"1"});
}

TEST_CASE("who cannot be reached is named, without the password") {
  CHECK(message_of_opening("postgresql://me:secret-word@/db?host=/nowhere", ErrorKind::unavailable)
            .find("postgresql://me:********@/db: ") != std::string::npos);
  message_of_opening("postgresql://me:secret-word@[broken/db", ErrorKind::unavailable);
  message_of_opening("mysql://me:secret-word@host/db", ErrorKind::usage);
}

TEST_CASE("clocks that are wrong agree through the database's") {
  if (!is_there()) return;
  const std::string url = new_postgres_schema();
  for (const auto wrong : {-300'000ms, 0ms, 86'400'000ms}) {
    const WrongClock clock(wrong);
    StoreOptions options;
    options.clock = &clock;
    const auto store = open_postgres_store(url, options);
    const auto corrected = clock.now() + store->clock_ahead();
    CHECK(std::chrono::abs(corrected - SystemClock().now()) < 2s);
  }
}

TEST_CASE("texts of all servers are the first one's, and changes of two at once are both kept") {
  if (!is_there()) return;
  Nodes nodes(2);
  CHECK(nodes.stores[0]->shared_text("x", "one") == "one");
  CHECK(nodes.stores[1]->shared_text("x", "two") == "one");
  std::vector<std::thread> threads;
  for (const auto& store : nodes.stores) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i)
        store->change_shared_text("x", [](const std::string& now) { return now + "."; });
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(nodes.stores[0]->shared_text("x", "") == "one" + std::string(40, '.'));
}

TEST_CASE("two servers that roll usage up at once add nothing twice") {
  if (!is_there()) return;
  Nodes nodes(2);
  nodes.issue('a');
  psql(nodes.address.url,
       "INSERT INTO usage (token_id, date, model, request_count) SELECT 'tok_a', "
       "'2025-01-' || lpad(d::text, 2, '0'), 'm' || m, 1 FROM generate_series(1, 31) d, generate_series(1, "
       "60) m");
  std::vector<std::thread> threads;
  for (const auto& store : nodes.stores) {
    threads.emplace_back([&] {
      while (store->roll_up("2026-01")) continue;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(psql(nodes.address.url, "SELECT count(*) || ' ' || sum(request_count) FROM usage") ==
        std::vector<std::string>{"60 1860"});
}

TEST_CASE("a connection that breaks is made anew, and nothing counted is lost or doubled") {
  if (!is_there()) return;
  Nodes nodes(1);
  AdminStore& store = *nodes.stores.front();
  const auto token = nodes.issue('a');
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> broken{0};
  std::thread breaker([&] {
    while (!stop) {
      broken += psql(nodes.address.url,
                     "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                     "application_name = 'opencat' AND pid <> pg_backend_pid()")
                    .size();
    }
  });
  int admitted = 0;
  int given_back = 0;
  const auto ask = [&] {
    std::promise<bool> answered;
    store.admit({token.hash, "m", quota_period(now, 0min), now},
                [&](const Admission& admission, std::exception_ptr problem) {
                  answered.set_value(!problem && admission.verdict == Verdict::admitted);
                });
    return answered.get_future().get();
  };
  // The time is only for a database that is stuck.
  const auto patience = std::chrono::steady_clock::now() + 60s;
  while ((broken < 6 || admitted < 6) && std::chrono::steady_clock::now() < patience) {
    if (!ask()) continue;
    ++admitted;
    store.settle({token.id, "2026-11-23", "m"}, {2, 3});
    if (admitted % 3 != 0) continue;
    store.give_back({token.id, "2026-11-23", "m"});
    ++given_back;
  }
  stop = true;
  breaker.join();
  // What is tried again, and what was counted and told to be none, is settled once it can be.
  const auto counted = [&] {
    return psql(nodes.address.url,
                "SELECT sum(request_count) || ' ' || sum(prompt_tokens) || ' ' || sum(completion_tokens) "
                "FROM all_usage");
  };
  const std::string expected = std::to_string(admitted - given_back) + " " + std::to_string(2 * admitted) +
                               " " + std::to_string(3 * admitted);
  for (int i = 0; i < 300 && counted() != std::vector{expected}; ++i) std::this_thread::sleep_for(20ms);
  CHECK(counted() == std::vector{expected});
  CHECK(broken >= 6);
  CHECK(admitted >= 6);
}

TEST_CASE("a server holds few connections, however many ask") {
  if (!is_there()) return;
  Nodes nodes(1);
  const auto token = nodes.issue('a');
  std::atomic<int> most{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 24; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 10; ++j) nodes.stores.front()->find(token.id, quota_period(now, 0min));
    });
  }
  for (int i = 0; i < 5; ++i) {
    const auto held =
        psql(nodes.address.url, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'opencat'");
    most = std::max<int>(most, std::stoi(held.front()));
  }
  for (auto& thread : threads) thread.join();
  CHECK(most > 0);
  CHECK(most <= 10);  // of two stores: one that counts and at most four more
}
