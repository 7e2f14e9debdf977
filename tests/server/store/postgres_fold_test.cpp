// SPDX-License-Identifier: MIT
// Counts in PostgreSQL that are folded into `usage` some time after they were made; see
// migrations/postgres/004.
#include <algorithm>
#include <atomic>
#include <thread>

#include "opencat/assets.hpp"
#include "server/store/postgres/postgres_store.hpp"
#include "server/store/postgres/recent_usage.hpp"
#include "server/store/upkeep.hpp"
#include "tests/server/store/store_fixture.hpp"

using namespace opencat;
using namespace opencat::store_test;
using Verdict = Admission::Verdict;

namespace {

bool is_there() { return store_kinds().size() > 1; }

using Lines = std::vector<std::string>;

/// As if the tokens' last folds were so long ago, or their last requests, too. In the order in which others
/// lock the rows.
void age(const Fixture& fixture, const std::string& folds, const std::string& requests) {
  fixture.sql(
      "WITH locked AS MATERIALIZED (SELECT token_id FROM recent_tokens ORDER BY token_id FOR UPDATE) "
      "UPDATE recent_tokens SET used_at = used_at - interval '" +
      requests + "', folded_at = folded_at - interval '" + folds +
      "' WHERE token_id IN (SELECT token_id FROM locked)");
}

void fold_due(AdminStore& store) {
  for (std::string last = store.fold(""); !last.empty(); last = store.fold(last)) continue;
}

/// Who comes first now finds all counts due.
void fold(const Fixture& fixture) {
  age(fixture, "3 minutes", "90 seconds");
  fold_due(*fixture.store);
}

Lines counts(const Fixture& fixture, const std::string& table) {
  return fixture.sql(
      "SELECT token_id || ' ' || date || ' ' || model || ' ' || sum(request_count) || ' ' || "
      "sum(prompt_tokens) || ' ' || sum(estimated_completion_tokens) FROM " +
      table + " GROUP BY token_id, date, model ORDER BY 1");
}

}  // namespace

TEST_CASE("counts are the same to everybody before and after they are folded") {
  if (!is_there()) return;
  Fixture fixture(StoreKind::postgres);
  const auto token = fixture.issue('a', {5, 50});
  const auto told = [&] {
    Lines lines;
    for (const auto group : {UsageGroup::day, UsageGroup::token, UsageGroup::model, UsageGroup::plan}) {
      for (const UsageRow& row : fixture.store->usage({"2026-11-01", "2026-11-30", group, 10}).rows)
        lines.push_back(row.key + " " + std::to_string(row.sums.requests) + " " +
                        std::to_string(row.sums.tokens.prompt));
    }
    lines.push_back(
        std::to_string(fixture.use(token).daily) + " " +
        std::to_string(fixture.store->list({}, quota_period(now, 0min)).tokens.at(0).use.monthly));
    return lines;
  };
  for (int i = 0; i < 3; ++i) fixture.admit(token, now, i == 0 ? "n" : "m");
  fixture.store->settle({"tok_a", "2026-11-23", "m"}, {7, 3, true});
  fixture.commit();
  const Lines before = told();
  CHECK(before == Lines{"2026-11-23 3 7", "tok_a 3 7", "m 2 7", "n 1 0", " 3 7", "3 3"});
  CHECK(counts(fixture, "usage").empty());
  fold(fixture);
  CHECK(told() == before);
  CHECK(counts(fixture, "recent_usage").empty());
  CHECK(counts(fixture, "usage") == Lines{"tok_a 2026-11-23 m 2 7 3", "tok_a 2026-11-23 n 1 0 0"});
  // What comes then is added to it.
  CHECK(fixture.admit(token).use.daily == 4);
  CHECK(fixture.admit(token).use.daily == 5);
  CHECK(fixture.admit(token).verdict == Verdict::daily_used_up);
  fold(fixture);
  CHECK(counts(fixture, "usage") == Lines{"tok_a 2026-11-23 m 4 7 3", "tok_a 2026-11-23 n 1 0 0"});
}

TEST_CASE("what was counted a moment ago is not folded yet, and who rests leaves no row of its own") {
  if (!is_there()) return;
  Fixture fixture(StoreKind::postgres, 2);
  const auto token = fixture.issue('a');
  fixture.admit(token);
  fold_due(*fixture.store);
  CHECK(counts(fixture, "recent_usage") == Lines{"tok_a 2026-11-23 m 1 0 0"});
  fold(fixture);
  // Its minute may still count.
  CHECK(fixture.sql("SELECT token_id FROM recent_tokens") == Lines{"tok_a"});
  CHECK(fixture.admit(token).verdict == Verdict::admitted);
  CHECK(fixture.admit(token).verdict == Verdict::rate_limited);
  age(fixture, "3 minutes", "3 minutes");
  fold_due(*fixture.store);
  CHECK(fixture.sql("SELECT token_id FROM recent_tokens").empty());
  CHECK(counts(fixture, "usage") == Lines{"tok_a 2026-11-23 m 2 0 0"});
}

TEST_CASE("sums that are kept at hand are those of the day, and follow what is folded and given back") {
  if (!is_there()) return;
  Fixture fixture(StoreKind::postgres);
  const auto token = fixture.issue('a', {4, 6});
  for (int i = 1; i <= 3; ++i) CHECK(fixture.admit(token).use.daily == i);
  CHECK(fixture.sql("SELECT day || daily || monthly FROM recent_tokens") == Lines{"2026-11-2300"});
  fixture.store->give_back({"tok_a", "2026-11-23", "m"});
  CHECK(fixture.admit(token).use.daily == 3);
  CHECK(fixture.sql("SELECT day || daily || monthly FROM recent_tokens") == Lines{"2026-11-2322"});
  CHECK(fixture.admit(token, now + 24h).use.daily == 1);
  CHECK(fixture.admit(token).use.monthly == 5);
  fold(fixture);
  CHECK(fixture.sql("SELECT coalesce(day, '-') FROM recent_tokens") == Lines{"-"});
  CHECK(fixture.admit(token).verdict == Verdict::daily_used_up);
  CHECK(fixture.admit(token, now + 24h).use.monthly == 6);
  CHECK(fixture.admit(token, now + 24h).verdict == Verdict::monthly_used_up);
}

TEST_CASE("while counts are folded, others count as exactly, and none is lost or doubled") {
  if (!is_there()) return;
  Fixture fixture(StoreKind::postgres);
  std::vector<TokenRecord> tokens;
  for (char name = 'a'; name <= 'j'; ++name) tokens.push_back(fixture.issue(name, {60, 3000}));
  std::vector<std::unique_ptr<AdminStore>> stores;
  for (int i = 0; i < 3; ++i) stores.push_back(open_store(fixture.address, {1'000'000, 5s}));
  std::atomic<bool> stop{false};
  std::atomic<int> folds{0};
  std::atomic<int> admitted{0};
  std::atomic<int> odd{0};
  std::vector<std::thread> folding;
  for (int i = 0; i < 2; ++i) {
    folding.emplace_back([&, i] {
      while (!stop) {
        age(fixture, "3 minutes", "3 minutes");
        fold_due(*stores[static_cast<std::size_t>(i)]);
        ++folds;
      }
    });
  }
  const auto count = [&](AdminStore& store) {
    for (std::size_t i = 0; i < 400; ++i) {
      const TokenRecord& token = tokens[i % tokens.size()];
      const auto verdict = std::make_shared<std::promise<Verdict>>();
      store.admit({token.hash, "m", quota_period(now, 0min), now},
                  [verdict](const Admission& admission, std::exception_ptr problem) {
                    verdict->set_value(problem ? Verdict::unknown_token : admission.verdict);
                  });
      const Verdict was = verdict->get_future().get();
      if (was == Verdict::admitted) {
        ++admitted;
        store.settle({token.id, "2026-11-23", "m"}, {7, 3});
      } else {
        odd += was != Verdict::daily_used_up;
      }
    }
  };
  std::vector<std::thread> counting;
  for (const auto& store : stores) counting.emplace_back([&] { count(*store); });
  for (auto& thread : counting) thread.join();
  stop = true;
  for (auto& thread : folding) thread.join();
  stores.clear();
  CHECK(folds > 2);
  CHECK(admitted == 600);
  CHECK(odd == 0);
  fold(fixture);
  CHECK(fixture.sql("SELECT DISTINCT request_count || ' ' || prompt_tokens FROM usage") == Lines{"60 420"});
}

TEST_CASE("a server that looks after its store folds what is due") {
  if (!is_there()) return;
  Fixture fixture(StoreKind::postgres);
  fixture.admit(fixture.issue('a'));
  age(fixture, "3 minutes", "3 minutes");
  const SystemClock clock;
  const Upkeep upkeep(*fixture.store, clock, {}, [](const std::string& line) { FAIL_CHECK(line); });
  // The time is only for one that does not.
  const auto patience = std::chrono::steady_clock::now() + 60s;
  while (counts(fixture, "usage").empty() && std::chrono::steady_clock::now() < patience)
    std::this_thread::yield();
  CHECK(counts(fixture, "usage") == Lines{"tok_a 2026-11-23 m 1 0 0"});
}

TEST_CASE("a server that dies while it folds has neither folded nor lost anything") {
  if (!is_there()) return;
  Fixture fixture(StoreKind::postgres);
  const auto token = fixture.issue('a');
  fixture.admit(token);
  age(fixture, "3 minutes", "3 minutes");
  {
    postgres::Session dying(fixture.address.url, {});
    dying.run("BEGIN");
    CHECK(postgres::fold_some(dying, "") == "tok_a");
  }
  CHECK(counts(fixture, "usage").empty());
  CHECK(counts(fixture, "all_usage") == Lines{"tok_a 2026-11-23 m 1 0 0"});
  fold_due(*fixture.store);
  CHECK(counts(fixture, "usage") == Lines{"tok_a 2026-11-23 m 1 0 0"});
  CHECK(counts(fixture, "all_usage") == counts(fixture, "usage"));
}

TEST_CASE("a deleted token keeps what is not folded until it is purged; what comes later is dropped") {
  if (!is_there()) return;
  Fixture fixture(StoreKind::postgres);
  const auto token = fixture.issue('a');
  const auto other = fixture.issue('b');
  fixture.admit(token);
  fixture.admit(other);
  fixture.store->remove_all({"tok_a"}, now);
  fold(fixture);
  fixture.store->settle({"tok_a", "2026-11-23", "m"}, {7, 3});
  fixture.commit();
  CHECK(fixture.store->usage({"2026-11-01", "2026-11-30", UsageGroup::day, 10}).total.tokens.prompt == 7);
  fixture.store->restore_all({"tok_a"});
  CHECK(fixture.use(token).daily == 1);
  fixture.store->remove_all({"tok_a"}, now);
  fixture.store->purge(now + 1s);
  CHECK(counts(fixture, "all_usage") == Lines{"tok_b 2026-11-23 m 1 0 0"});
  fixture.store->settle({"tok_a", "2026-11-23", "m"}, {7, 3});
  fixture.store->give_back({"tok_a", "2026-11-23", "m"});
  fixture.commit();
  fold(fixture);
  CHECK(counts(fixture, "all_usage") == Lines{"tok_b 2026-11-23 m 1 0 0"});
  CHECK(fixture.admit(other).use.daily == 2);
}

TEST_CASE("more tokens than one step folds are folded, each once") {
  if (!is_there()) return;
  Fixture fixture(StoreKind::postgres);
  fixture.sql(
      "INSERT INTO tokens (id, token_hash, token_prefix, status, platform, install_id, version, meta, "
      "created_at) SELECT 'tok_' || i, decode(md5(i::text), 'hex'), '', 'active', '', '', '', '', '' FROM "
      "generate_series(1, 1200) i;"
      "INSERT INTO recent_tokens (token_id) SELECT id FROM tokens;"
      "INSERT INTO recent_usage (token_id, date, model, request_count) SELECT id, '2026-11-23', 'm', 2 FROM "
      "tokens");
  fold(fixture);
  CHECK(fixture.sql("SELECT count(*) || ' ' || sum(request_count) FROM usage") == Lines{"1200 2400"});
  CHECK(counts(fixture, "recent_usage").empty());
}

TEST_CASE("a database of schema 3 keeps what was counted, and its tokens' last minute") {
  if (!is_there()) return;
  Fixture fixture(StoreKind::sqlite);
  fixture.address.url = new_postgres_schema();
  const auto migrations = assets_under("migrations/postgres/");
  for (std::size_t i = 0; i <= 3; ++i) psql(fixture.address.url, std::string(migrations.at(i).bytes));
  const Time just_now = SystemClock().now();
  const std::string today = quota_period(just_now, 0min).day;
  fixture.sql(
      "UPDATE schema_version SET version = 3;"
      "INSERT INTO tokens (id, token_hash, token_prefix, status, platform, install_id, version, daily_limit, "
      "monthly_limit, meta, created_at) VALUES ('tok_a', convert_to(repeat('a', 32), 'UTF8'), '', 'active', "
      "'', "
      "'', '', 9, 90, '', '');"
      "INSERT INTO usage (token_id, date, model, request_count) VALUES ('tok_a', '" +
      today +
      "', 'm', 4);"
      "INSERT INTO token_windows SELECT id, '" +
      std::to_string(just_now.time_since_epoch().count()) +
      "x2' FROM tokens;"
      "INSERT INTO tokens (id, token_hash, token_prefix, status, platform, install_id, version, meta, "
      "created_at) "
      "VALUES ('tok_b', 'b', '', 'active', '', '', '', '', '');"
      "INSERT INTO token_windows VALUES ('tok_b', '1795424400000,+1200')");
  fixture.open(3);
  TokenRecord token;
  token.hash.assign(32, 'a');
  CHECK(fixture.sql("SELECT token_id FROM recent_tokens") == Lines{"tok_a"});
  CHECK(fixture.use(token, just_now).daily == 4);
  CHECK(fixture.admit(token, just_now).use.daily == 5);
  CHECK(fixture.admit(token, just_now).verdict == Verdict::rate_limited);
}
