// SPDX-License-Identifier: MIT
#include "server/store/upkeep.hpp"

#include <atomic>
#include <thread>

#include "opencat/error.hpp"
#include "tests/server/store/store_fixture.hpp"

using namespace opencat;
using namespace opencat::store_test;

namespace {

class SetClock : public Clock {
 public:
  Time now() const override { return Time{std::chrono::milliseconds(ms.load())}; }
  void set(Time time) { ms = time.time_since_epoch().count(); }
  std::atomic<std::int64_t> ms{now_ms()};

 private:
  static std::int64_t now_ms() { return store_test::now.time_since_epoch().count(); }
};

template <class Condition>
bool comes_to_be(const Condition& condition) {
  for (int i = 0; i < 500; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

std::string dates(const Fixture& fixture) {
  std::string text;
  for (const std::string& date : sql(fixture.file, "SELECT DISTINCT date FROM all_usage ORDER BY date")) {
    text += date + " ";
  }
  return text;
}

}  // namespace

TEST_CASE("old usage is rolled up at the start and when the clock's day changes, and no month that runs") {
  Fixture fixture;
  const auto token = fixture.issue('a');
  for (const int days : {0, 9, 24, 60, 100}) fixture.admit(token, store_test::now - std::chrono::days(days));
  SetClock clock;
  const UpkeepOptions options{std::chrono::days(30), 0min, 5ms};
  Upkeep upkeep(*fixture.store, clock, options, [](const std::string&) {});
  CHECK(comes_to_be([&] { return dates(fixture) == "2026-08 2026-09 2026-10-30 2026-11-14 2026-11-23 "; }));
  // The same day: nothing more is done; the next day of which 30 are no longer October: it is.
  clock.set(store_test::now + std::chrono::days(8));
  CHECK(comes_to_be([&] { return dates(fixture) == "2026-08 2026-09 2026-10 2026-11-14 2026-11-23 "; }));
  CHECK(fixture.use(token).monthly == 2);
  CHECK(fixture.use(token, store_test::now - std::chrono::days(24)).monthly == 1);
}

TEST_CASE("upkeep that fails is told and tried again") {
  Fixture fixture;
  fixture.issue('a');
  sql(fixture.file,
      "INSERT INTO usage (token_id, date, model) VALUES ('tok_a', '2025-01-01', 'm');"
      "CREATE TRIGGER broken BEFORE DELETE ON usage BEGIN SELECT RAISE(ABORT, 'broken'); END");
  std::atomic<int> warnings{0};
  SetClock clock;
  Upkeep upkeep(*fixture.store, clock, {std::chrono::days(30), 0min, 5ms},
                [&](const std::string& line) { warnings += line.find("broken") != std::string::npos; });
  CHECK(comes_to_be([&] { return warnings >= 2; }));
  CHECK(dates(fixture) == "2025-01-01 ");
  sql(fixture.file, "DROP TRIGGER broken");
  CHECK(comes_to_be([&] { return dates(fixture) == "2025-01 "; }));
}
