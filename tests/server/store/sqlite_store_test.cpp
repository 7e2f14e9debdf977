// SPDX-License-Identifier: MIT
#include "server/store/sqlite_store.hpp"

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include <sys/stat.h>

#include "opencat/digest.hpp"
#include "opencat/error.hpp"
#include "tests/server/store/store_fixture.hpp"

using namespace opencat;
using namespace opencat::store_test;
using Verdict = Admission::Verdict;

namespace {

ErrorKind kind_of_opening(const fs::path& file) {
  try {
    open_sqlite_store(file, {});
  } catch (const Error& error) {
    CHECK(error.message().find(file.string()) != std::string::npos);
    return error.kind();
  }
  FAIL("it was opened");
  return ErrorKind::failed;
}

}  // namespace

TEST_CASE("a new database has all migrations, is its owner's only, and opens again") {
  Fixture fixture;
  const auto token = fixture.issue('a');
  for (const char* name : {"opencat.db", "opencat.db-wal", "opencat.db-shm"}) {
    struct stat facts {};
    REQUIRE(stat((fixture.file.parent_path() / name).c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0600);
  }
  CHECK(sql(fixture.file, "PRAGMA user_version") == std::vector<std::string>{"3"});
  CHECK(sql(fixture.file, "PRAGMA journal_mode") == std::vector<std::string>{"wal"});
  fixture.open();
  CHECK(fixture.use(token).daily == 0);
}

TEST_CASE("a newer database is refused and not a byte of it changed") {
  const TemporaryFolder folder(fs::temp_directory_path(), "opencat-store-");
  const fs::path file = folder.path() / "opencat.db";
  sql(file, "PRAGMA user_version = 99; CREATE TABLE of_later (x); INSERT INTO of_later VALUES (1)");
  const std::string before = sha256_file(file);
  CHECK(kind_of_opening(file) == ErrorKind::usage);
  CHECK(sha256_file(file) == before);
}

TEST_CASE("a damaged file, or none of a database's, is refused and left as it is") {
  const TemporaryFolder folder(fs::temp_directory_path(), "opencat-store-");
  const fs::path file = folder.path() / "opencat.db";
  for (const std::string& bytes : {std::string(5000, 'x'), std::string("SQLite format 3\0broken", 22)}) {
    write_file_atomically(file, bytes, FileMode::secret);
    CHECK(kind_of_opening(file) == ErrorKind::usage);
    CHECK(read_file(file) == bytes);
  }
}

TEST_CASE("a token is found by its hash; deleted, it is unknown at once, and purged with its usage") {
  Fixture fixture;
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
  CHECK(sql(fixture.file, "SELECT count(*) FROM usage") == std::vector<std::string>{"1"});
  fixture.store->purge(now + 1s);
  CHECK(sql(fixture.file, "SELECT count(*) FROM usage") == std::vector<std::string>{"0"});
  CHECK(sql(fixture.file, "SELECT id FROM tokens") == std::vector<std::string>{"tok_b"});
}

TEST_CASE("500 requests at once against a limit of 100 admit exactly 100") {
  Fixture fixture;
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
  Fixture fixture;
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
  Fixture fixture;
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
  Fixture fixture;
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
  Fixture fixture;
  const auto token = fixture.issue('a');
  fixture.admit(token);
  fixture.admit(token, now, "n");
  for (std::int64_t i = 1; i <= 3; ++i) fixture.store->settle({"tok_a", "2026-11-23", "m"}, {10 * i, i});
  fixture.store->settle({"tok_a", "2026-11-23", "n"}, {5, 7});
  fixture.open();
  const auto rows =
      sql(fixture.file,
          "SELECT date || ' ' || model || ' ' || request_count || ' ' || prompt_tokens || ' ' || "
          "completion_tokens FROM usage ORDER BY model");
  CHECK(rows == std::vector<std::string>{"2026-11-23 m 1 60 6", "2026-11-23 n 1 5 7"});
}

TEST_CASE("the minute's limit refuses without counting, and tells how long to wait") {
  Fixture fixture(2);
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
  Fixture fixture(1);
  const auto token = fixture.issue('a', {0, 0});
  sql(fixture.file, "UPDATE tokens SET status = 'disabled'");
  CHECK(fixture.admit(token).verdict == Verdict::disabled);
  CHECK(fixture.use(token).daily == 0);
}

TEST_CASE("a second token with the same hash is refused, and the first stays") {
  Fixture fixture;
  fixture.issue('a');
  CHECK_THROWS_AS(fixture.issue('a'), Error);
  CHECK(fixture.admit(fixture.issue('b')).verdict == Verdict::admitted);
}
