// SPDX-License-Identifier: MIT
#include "server/domain/sliding_window.hpp"

#include <algorithm>
#include <vector>

#include "tests/catch.hpp"

using namespace opencat;
using namespace std::chrono_literals;

namespace {

const SlidingWindow::Moment start{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}};

}  // namespace

TEST_CASE("SlidingWindow counts up to its limit and says how long until one more fits") {
  SlidingWindow window(3, 60s);
  CHECK(window.take("a", start) == 0s);
  CHECK(window.take("a", start + 10s) == 0s);
  CHECK(window.take("a", start + 20s) == 0s);
  CHECK(window.take("a", start + 20s) == 40s);
  CHECK(window.take("a", start + 59s) == 1s);
  CHECK(window.take("a", start + 59'999ms) == 1s);
  CHECK(window.take("a", start + 60s) == 0s);
  CHECK(window.take("a", start + 60s) == 10s);
}

TEST_CASE("SlidingWindow rounds the wait up, so that trying again then succeeds") {
  SlidingWindow window(1, 60s);
  CHECK(window.take("a", start + 1ms) == 0s);
  CHECK(window.take("a", start + 500ms) == 60s);
  CHECK(window.take("a", start + 500ms + 60s) == 0s);
}

TEST_CASE("SlidingWindow lets nobody have twice the limit around a border of minutes") {
  SlidingWindow window(20, 60s);
  int admitted = 0;
  for (auto at = start + 55s; at < start + 65s; at += 100ms) admitted += window.take("a", at) == 0s;
  CHECK(admitted == 20);
}

TEST_CASE("SlidingWindow does not count refused events") {
  SlidingWindow window(1, 60s);
  CHECK(window.take("a", start) == 0s);
  for (auto at = start; at < start + 60s; at += 1s) CHECK(window.take("a", at) > 0s);
  CHECK(window.take("a", start + 60s) == 0s);
}

TEST_CASE("SlidingWindow keeps its keys apart") {
  SlidingWindow window(1, 60s);
  CHECK(window.take("a", start) == 0s);
  CHECK(window.take("b", start) == 0s);
  CHECK(window.take("a", start) == 60s);
}

TEST_CASE("SlidingWindow takes back the newest event of a key") {
  SlidingWindow window(2, 60s);
  CHECK(window.take("a", start) == 0s);
  CHECK(window.take("a", start + 30s) == 0s);
  window.give_back("a");
  CHECK(window.take("a", start + 40s) == 0s);
  CHECK(window.take("a", start + 40s) == 20s);
  window.give_back("unknown");
  window.give_back("a");
  window.give_back("a");
  window.give_back("a");
  CHECK(window.take("a", start + 41s) == 0s);
}

TEST_CASE("SlidingWindow with limit 0 admits nothing") {
  SlidingWindow window(0, 60s);
  CHECK(window.take("a", start) == 60s);
  CHECK(window.take("a", start + 600s) == 60s);
}

TEST_CASE("SlidingWindow is exact also for keys that were silent for long, and after it cleaned up") {
  SlidingWindow window(1, 60s);
  CHECK(window.take("a", start) == 0s);
  CHECK(window.take("busy", start + 59s) == 0s);
  // This is where it forgets who fell silent.
  CHECK(window.take("b", start + 60s) == 0s);
  CHECK(window.take("busy", start + 60s) == 59s);
  CHECK(window.take("a", start + 60s) == 0s);
}

TEST_CASE("SlidingWindow forgets who fell silent, and nobody else") {
  SlidingWindow window(2, 60s);
  for (int i = 0; i < 1000; ++i) window.take("old" + std::to_string(i), start);
  window.take("busy", start);
  window.take("busy", start + 30s);
  CHECK(window.keys() == 1001);
  CHECK(window.take("new", start + 60s) == 0s);
  CHECK(window.keys() == 2);
  CHECK(window.take("busy", start + 61s) == 0s);
  CHECK(window.take("busy", start + 61s) == 29s);
}

TEST_CASE("SlidingWindow stays exact while events come and leave one by one, and are taken back") {
  SlidingWindow window(7, 60s);
  std::vector<SlidingWindow::Moment> counted;  // all of them, for counting those of the last minute anew
  for (int i = 0; i < 5000; ++i) {
    const auto now = start + i * 3s + (i % 7) * 100ms;
    const auto recent =
        std::count_if(counted.begin(), counted.end(), [&](auto at) { return at > now - 60s; });
    const bool fits = window.take("a", now) == 0s;
    CHECK(fits == (recent < 7));
    if (fits) counted.push_back(now);
    if (fits && i % 3 == 0) {
      window.give_back("a");
      counted.pop_back();
    }
  }
  CHECK(counted.size() > 1000);
}

TEST_CASE("SlidingWindow holds its bound on keys, and forgets the one that was silent the longest") {
  SlidingWindow window(1, 3600s, 100);
  for (int i = 0; i < 100'000; ++i)
    CHECK(window.take(std::string("k").append(std::to_string(i)), start + i * 1ms) == 0s);
  CHECK(window.keys() == 100);
  CHECK(window.take("k99999", start + 101s) > 0s);
  CHECK(window.take("k99900", start + 101s) > 0s);
  CHECK(window.take("k99899", start + 101s) == 0s);
}
