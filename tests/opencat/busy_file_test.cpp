// SPDX-License-Identifier: MIT
#include "opencat/busy_file.hpp"

#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "tests/catch.hpp"

using opencat::BusyPatience;
using opencat::Error;
using opencat::retry_while_busy;
using std::chrono::milliseconds;

namespace {

const std::error_code busy = std::make_error_code(std::errc::device_or_resource_busy);

/// A clock that moves when somebody sleeps.
struct FakeTime {
  std::chrono::steady_clock::time_point now{};
  BusyPatience patience() {
    BusyPatience patience;
    patience.now = [this] { return now; };
    patience.sleep = [this](milliseconds time) { now += time; };
    patience.is_busy = [](const std::error_code& why) { return why == busy; };
    return patience;
  }
  milliseconds passed() const { return std::chrono::duration_cast<milliseconds>(now.time_since_epoch()); }
};

std::string message_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.message();
  }
  return {};
}

}  // namespace

TEST_CASE("what another program holds for a while is done when it lets go") {
  FakeTime time;
  int calls = 0;
  retry_while_busy(
      "cannot rename a", [&] { return ++calls < 290 ? busy : std::error_code(); }, time.patience());
  CHECK(calls == 290);
  CHECK(time.passed() == milliseconds(28'900));
}

TEST_CASE("after 30 s it fails, and says what is in the way and what to do") {
  FakeTime time;
  const std::string message = message_of([&] {
    retry_while_busy(
        "cannot rename a", [] { return busy; }, time.patience());
  });
  CHECK(time.passed() == milliseconds(30'000));
  CHECK(message.find("cannot rename a: another program") == 0);
  CHECK(message.find("30 s") != std::string::npos);
  CHECK(message.find("try again") != std::string::npos);
}

TEST_CASE("any other failure is told at once") {
  FakeTime time;
  int calls = 0;
  const std::string message = message_of([&] {
    retry_while_busy(
        "cannot rename a",
        [&] {
          ++calls;
          return std::make_error_code(std::errc::no_space_on_device);
        },
        time.patience());
  });
  CHECK(calls == 1);
  CHECK(time.passed() == milliseconds(0));
  CHECK(message.find("cannot rename a: ") == 0);
  CHECK_FALSE(opencat::is_sharing_violation(std::make_error_code(std::errc::permission_denied)));
}
