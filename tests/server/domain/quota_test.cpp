// SPDX-License-Identifier: MIT
#include "server/domain/quota.hpp"

#include "opencat/clock.hpp"
#include "tests/catch.hpp"

using namespace opencat;
using namespace std::chrono_literals;
using std::chrono::sys_days;
using std::chrono::year;

namespace {

struct Case {
  Time now;
  std::chrono::minutes offset;
  std::string day, month;
  std::chrono::seconds day_left, month_left;
};

}  // namespace

TEST_CASE("quota_period finds day and month, and how long they last") {
  const Time noon = sys_days{year{2026} / 11 / 23} + 12h;
  const Time last_ms = sys_days{year{2026} / 12 / 31} + 24h - 1ms;
  const Time new_year = sys_days{year{2027} / 1 / 1};
  const Time leap_eve = sys_days{year{2028} / 2 / 28} + 23h;
  const Time leap_day = sys_days{year{2028} / 2 / 29};
  const Time century = sys_days{year{2100} / 2 / 28} + 23h;
  const Case test =
      GENERATE_COPY(values<Case>({{noon, 0min, "2026-11-23", "2026-11", 12h, 7 * 24h + 12h},
                                  {last_ms, 0min, "2026-12-31", "2026-12", 1s, 1s},
                                  {new_year, 0min, "2027-01-01", "2027-01", 24h, 31 * 24h},
                                  {leap_eve, 0min, "2028-02-28", "2028-02", 1h, 25h},
                                  {leap_day, 0min, "2028-02-29", "2028-02", 24h, 24h},
                                  {century, 0min, "2100-02-28", "2100-02", 1h, 1h},
                                  // China: the day begins at 16:00 UTC of the day before.
                                  {noon, 8h, "2026-11-23", "2026-11", 4h, 7 * 24h + 4h},
                                  {noon + 4h, 8h, "2026-11-24", "2026-11", 24h, 7 * 24h},
                                  {last_ms, 8h, "2027-01-01", "2027-01", 16h + 1s, 30 * 24h + 16h + 1s},
                                  {new_year, -5h, "2026-12-31", "2026-12", 5h, 5h},
                                  // Nepal and the farthest zones.
                                  {new_year - 5h - 45min, 5h + 45min, "2027-01-01", "2027-01", 24h, 31 * 24h},
                                  {noon, 14h, "2026-11-24", "2026-11", 22h, 6 * 24h + 22h},
                                  {noon, -12h, "2026-11-23", "2026-11", 24h, 8 * 24h}}));
  const QuotaPeriod period = quota_period(test.now, test.offset);
  CAPTURE(iso8601(test.now), test.offset.count());
  CHECK(period.day == test.day);
  CHECK(period.month == test.month);
  CHECK(period.day_left.count() == test.day_left.count());
  CHECK(period.month_left.count() == test.month_left.count());
}

TEST_CASE("quota_period agrees with date_of on every day of four years") {
  for (auto day = sys_days{year{2027} / 1 / 1}; day < sys_days{year{2031} / 1 / 1};
       day += std::chrono::days{1}) {
    const QuotaPeriod period = quota_period(day + 23h, 2h);
    REQUIRE(period.day == date_of(day + 25h));
    REQUIRE(period.month == period.day.substr(0, 7));
    REQUIRE(quota_period(day + 23h + period.month_left, 2h).day.substr(8) == "01");
  }
}

TEST_CASE("quota_verdict lets as many through as the limits say, and names the month first") {
  const Limits limits{2, 5};
  CHECK(quota_verdict(limits, {0, 0}) == QuotaVerdict::within);
  CHECK(quota_verdict(limits, {1, 4}) == QuotaVerdict::within);
  CHECK(quota_verdict(limits, {2, 4}) == QuotaVerdict::daily_used_up);
  CHECK(quota_verdict(limits, {1, 5}) == QuotaVerdict::monthly_used_up);
  CHECK(quota_verdict(limits, {2, 5}) == QuotaVerdict::monthly_used_up);
  CHECK(quota_verdict(limits, {9, 9}) == QuotaVerdict::monthly_used_up);
  CHECK(quota_verdict({0, 5}, {0, 0}) == QuotaVerdict::daily_used_up);
  CHECK(quota_verdict({5, 0}, {0, 0}) == QuotaVerdict::monthly_used_up);
}
