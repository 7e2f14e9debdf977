// SPDX-License-Identifier: MIT
#include "server/domain/window_log.hpp"

#include <deque>
#include <random>

#include "server/domain/sliding_window.hpp"
#include "tests/catch.hpp"

using namespace opencat;
using namespace std::chrono_literals;

namespace {

const WindowLog::Moment start{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}};

/// Each turn reads the text and leaves another, as a database keeps it.
struct Kept {
  std::size_t limit;
  std::string text = {};
  std::chrono::seconds take(WindowLog::Moment now) {
    auto log = WindowLog::parse(text);
    REQUIRE(log);
    const auto wait = log->take(limit, 60s, now);
    text = log->text();
    return wait;
  }
};

}  // namespace

TEST_CASE("a window kept as a text counts like the one in memory, whatever the moments") {
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same moments each time
  for (const std::size_t limit : {1U, 3U, 20U, 600U}) {
    SlidingWindow memory(limit, 60s);
    Kept kept{limit};
    auto now = start;
    for (int i = 0; i < 3000; ++i) {
      now += std::chrono::milliseconds(random() % (limit < 100 ? 5000 : 150));
      REQUIRE(kept.take(now) == memory.take("a", now));
    }
  }
}

TEST_CASE("a window of a great limit stays short, and never lets more through than the limit") {
  Kept kept{5000};
  std::deque<WindowLog::Moment> admitted;
  std::size_t longest = 0;
  std::size_t most = 0;
  for (auto now = start; now < start + 75s; now += 20ms) {
    for (int i = 0; i < 2; ++i) {
      if (kept.take(now) == 0s) admitted.push_back(now);
    }
    while (admitted.front() <= now - 60s) admitted.pop_front();
    most = std::max(most, admitted.size());
    longest = std::max(longest, kept.text.size());
  }
  CHECK(most == 5000);
  CHECK(longest < 8000);
}

TEST_CASE("a machine whose clock is behind gets no place that is not there") {
  Kept kept{2};
  CHECK(kept.take(start + 10s) == 0s);
  CHECK(kept.take(start) == 0s);
  CHECK(kept.take(start) == 70s);
  CHECK(kept.take(start + 69s) == 1s);
  CHECK(kept.take(start + 70s) == 0s);
}

TEST_CASE("a limit that was lowered waits until enough events are gone") {
  Kept kept{3};
  for (const auto moment : {0s, 10s, 20s}) CHECK(kept.take(start + moment) == 0s);
  kept.limit = 1;
  CHECK(kept.take(start + 30s) == 50s);
  kept.limit = 0;
  CHECK(kept.take(start + 30s) == 60s);
}

TEST_CASE("a text that is no window is told apart from an empty one") {
  CHECK(WindowLog::parse("")->newest() == WindowLog::Moment{});
  CHECK(WindowLog::parse("1000,+5x3")->newest() == WindowLog::Moment{1005ms});
  CHECK(WindowLog::parse("1000,+5x3")->text() == "1000,+5x3");
  for (const char* wrong : {"x", "-5", "1000,", "1000+5", "1000,+5y", "1000,+5x", "99999999999999999999"})
    CHECK_FALSE(WindowLog::parse(wrong));
}
