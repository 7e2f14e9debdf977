// SPDX-License-Identifier: MIT
#include "opencat/retry.hpp"

#include <thread>

#include "opencat/error.hpp"
#include "tests/catch.hpp"

using namespace opencat;
using std::chrono::milliseconds;

TEST_CASE("which answers may be other ones next time") {
  for (const int status : {408, 429, 500, 502, 503, 504}) CHECK(is_transient(status));
  for (const int status : {200, 206, 304, 400, 401, 403, 404, 410, 416, 501, 505})
    CHECK_FALSE(is_transient(status));
}

TEST_CASE("Retry-After counts seconds or names a moment") {
  const Time now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 25) + std::chrono::hours(1);
  const auto asked = [&](const char* value) { return retry_after({{"retry-after", value}}, now); };
  CHECK(asked("3") == milliseconds(3000));
  CHECK(asked("0") == milliseconds(0));
  CHECK(asked("Wed, 25 Nov 2026 01:00:05 GMT") == milliseconds(5000));
  CHECK(asked("Wed, 25 Nov 2026 00:00:05 GMT") == milliseconds(0));
  for (const char* odd : {"", "-1", "soon", "3 seconds", "99999999999999"}) {
    INFO(odd);
    CHECK_FALSE(asked(odd));
  }
  CHECK_FALSE(retry_after({}, now));
}

TEST_CASE("a back-off ends after its tries, begins anew after success, and does not wait for ever") {
  Backoff backoff(2);
  CHECK(backoff.wait({}, {}));
  CHECK(backoff.wait(milliseconds(0), {}));
  CHECK_FALSE(backoff.wait({}, {}));
  backoff.reset();
  CHECK_FALSE(backoff.wait(milliseconds(61'000), {}));
  CHECK(backoff.wait({}, {}));
  CHECK_FALSE(Backoff(0).wait({}, {}));
}

TEST_CASE("a pause can be interrupted") {
  std::stop_source stop;
  const std::jthread interrupter([&] { stop.request_stop(); });
  CHECK_THROWS_AS(Backoff(1).wait(milliseconds(50'000), stop.get_token()), Error);
}
