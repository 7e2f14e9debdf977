// SPDX-License-Identifier: MIT
#include "server/routes/default_plan.hpp"

#include <future>
#include <thread>

#include "tests/catch.hpp"

using namespace std::chrono_literals;
using opencat::routes::DefaultPlan;

TEST_CASE("no plan is deleted between the look whether it is there and its becoming the default") {
  DefaultPlan plan("old");
  std::promise<std::string> at_deletion;
  auto name_at_deletion = at_deletion.get_future();
  std::thread deletion;
  plan.change("new", [&] {
    // As the admin page deletes "new" right now: whatever it does must come before this look or behind the
    // change.
    std::promise<void> came;
    deletion = std::thread([&] {
      came.set_value();
      plan.while_it_is([&](const std::string& name) { at_deletion.set_value(name); });
    });
    came.get_future().wait();
    // Time in which it would act if it could; it is spent in full when all is well.
    CHECK(name_at_deletion.wait_for(50ms) == std::future_status::timeout);
    // Who only asks, as every new token does, waits for nobody.
    CHECK(plan.name() == "old");
  });
  CHECK(name_at_deletion.get() == "new");
  deletion.join();
}

TEST_CASE("a default plan that is refused leaves the one before") {
  DefaultPlan plan("old");
  CHECK_THROWS_AS(plan.change("absent", [] { throw 1; }), int);
  CHECK(plan.name() == "old");
  CHECK(plan.while_it_is([](const std::string& name) { return name.size(); }) == 3);
}
