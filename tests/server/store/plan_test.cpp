// SPDX-License-Identifier: MIT
// Plans: what they say holds for all their tokens, from the next request on.
#include <atomic>
#include <thread>

#include "opencat/error.hpp"
#include "tests/server/store/store_fixture.hpp"

using namespace opencat;
using namespace opencat::store_test;
using Verdict = Admission::Verdict;

namespace {

const QuotaPeriod today = quota_period(now, 0min);

Plan plan_of(const std::string& name, std::optional<std::int64_t> daily = {}) {
  Plan plan;
  plan.name = name;
  plan.daily_limit = daily;
  return plan;
}

/// A token whose limits are its plan's.
TokenRecord issue(Fixture& fixture, char name, const std::string& plan) {
  TokenRecord token = fixture.issue(name);
  TokenChange change;
  change.plan = plan;
  REQUIRE(fixture.store->change(token.id, change, today));
  return token;
}

void set_daily(Fixture& fixture, const std::string& name, std::int64_t limit) {
  REQUIRE(fixture.store->edit_plan(
      name, [&](Plan& plan) { plan.daily_limit = limit; }, today));
}

std::string ids(Fixture& fixture, TokenState::Status status) {
  TokenQuery query;
  query.status = status;
  query.order = SortOrder::ascending;
  std::string text;
  for (const TokenState& state : fixture.store->list(query, today).tokens) text += state.token.id.substr(4);
  return text;
}

}  // namespace

TEST_CASE("a plan's limit holds for its tokens, and a change of it for the next request of each") {
  Fixture fixture(EACH_STORE);
  REQUIRE(fixture.store->add_plan(plan_of("class", 1), today));
  const auto a = issue(fixture, 'a', "class");
  const auto b = issue(fixture, 'b', "class");
  CHECK(fixture.admit(a).verdict == Verdict::admitted);
  CHECK(fixture.admit(b).verdict == Verdict::admitted);
  CHECK(fixture.admit(a).verdict == Verdict::daily_used_up);
  CHECK(ids(fixture, TokenState::Status::quota_exceeded) == "ab");

  set_daily(fixture, "class", 2);
  CHECK(ids(fixture, TokenState::Status::quota_exceeded).empty());
  CHECK(fixture.admit(a).limits.daily == 2);
  CHECK(fixture.admit(b).verdict == Verdict::admitted);
  CHECK(fixture.admit(a).verdict == Verdict::daily_used_up);

  // Lowered, all are found used up, though none of them has asked since.
  set_daily(fixture, "class", 3);
  set_daily(fixture, "class", 1);
  CHECK(ids(fixture, TokenState::Status::quota_exceeded) == "ab");
  CHECK(fixture.store->counts(today).quota_exceeded == 2);
  CHECK(fixture.store->counts(today).active == 0);
}

TEST_CASE("a token's own limit wins over its plan's, and its plan's over the server's") {
  Fixture fixture(EACH_STORE);
  fixture.store->add_plan(plan_of("class", 5), today);
  const auto a = issue(fixture, 'a', "class");
  CHECK(fixture.admit(a).limits.daily == 5);
  CHECK(fixture.admit(a).limits.monthly == Limits{}.monthly);  // the plan says none

  TokenChange own;
  own.daily_limit = 7;
  CHECK(fixture.store->change(a.id, own, today)->token.own_daily_limit);
  CHECK(fixture.admit(a).limits.daily == 7);

  TokenChange again;
  again.plan = "class";
  const auto state = fixture.store->change(a.id, again, today);
  CHECK_FALSE(state->token.own_daily_limit);
  CHECK(state->token.limits.daily == 5);

  TokenChange without;
  without.plan = "";
  const auto left = fixture.store->change(a.id, without, today);
  CHECK(left->token.plan.empty());
  CHECK(left->token.limits.daily == Limits{}.daily);
  CHECK(left->token.own_daily_limit);
}

TEST_CASE("what was issued without a plan keeps its limits whatever becomes of plans") {
  Fixture fixture(EACH_STORE);
  const auto a = fixture.issue('a', {3, 30});
  fixture.store->add_plan(plan_of("class", 1), today);
  CHECK(fixture.admit(a).limits.daily == 3);
  CHECK(fixture.store->find(a.id, today)->token.plan.empty());
}

TEST_CASE("500 requests at once under a plan's limit admit exactly the limit") {
  Fixture fixture(EACH_STORE);
  fixture.store->add_plan(plan_of("class", 137), today);
  const auto a = issue(fixture, 'a', "class");
  std::atomic<int> admitted{0};
  std::atomic<int> answered{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 10; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 50; ++j) {
        fixture.store->admit({a.hash, "m", today, now}, [&](const Admission& admission, std::exception_ptr) {
          if (admission.verdict == Verdict::admitted) ++admitted;
          ++answered;
          answered.notify_all();
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int seen = answered; seen < 500; seen = answered) answered.wait(seen);
  CHECK(admitted == 137);
  CHECK(fixture.use(a).daily == 137);
}

TEST_CASE("a plan's requests in a minute hold instead of the server's, and a lowered limit at once") {
  Fixture fixture(EACH_STORE, 2);
  Plan plan = plan_of("fast");
  plan.per_minute = 4;
  fixture.store->add_plan(plan, today);
  const auto a = issue(fixture, 'a', "fast");
  const auto b = fixture.issue('b');
  for (int i = 0; i < 3; ++i) CHECK(fixture.admit(a).verdict == Verdict::admitted);
  for (int i = 0; i < 2; ++i) CHECK(fixture.admit(b).verdict == Verdict::admitted);
  CHECK(fixture.admit(b).verdict == Verdict::rate_limited);
  CHECK(fixture.store->find(a.id, today)->token.per_minute == 4);
  CHECK(fixture.store->find(b.id, today)->token.per_minute == 2);
  fixture.store->edit_plan(
      "fast", [](Plan& one) { one.per_minute = 1; }, today);
  CHECK(fixture.admit(a, now + 30s).verdict == Verdict::rate_limited);
  CHECK(fixture.admit(a, now + 61s).verdict == Verdict::admitted);
}

TEST_CASE("a model outside the plan is refused before anything is counted; 'auto' is one inside") {
  Fixture fixture(EACH_STORE);
  Plan plan = plan_of("small");
  plan.models = {"tiny", "small"};
  fixture.store->add_plan(plan, today);
  const auto a = issue(fixture, 'a', "small");
  CHECK(fixture.admit(a, now, "large").verdict == Verdict::model_not_allowed);
  CHECK(fixture.use(a).monthly == 0);
  CHECK(fixture.admit(a, now, "small").verdict == Verdict::admitted);
  std::promise<Admission> chosen;
  AdmissionRequest request{a.hash, "large", today, now};
  request.automatic = true;
  fixture.store->admit(request,
                       [&](const Admission& admission, std::exception_ptr) { chosen.set_value(admission); });
  const Admission automatic = chosen.get_future().get();
  CHECK(automatic.verdict == Verdict::admitted);
  CHECK(automatic.model == "tiny");
  fixture.commit();
  CHECK(fixture.sql("SELECT model FROM " + fixture.all_usage() + " ORDER BY 1") ==
        std::vector<std::string>{"small", "tiny"});
}

TEST_CASE("a plan's end ends its tokens, and they go on when it is put off") {
  Fixture fixture(EACH_STORE);
  Plan plan = plan_of("term");
  plan.expires_at = iso8601(now);
  fixture.store->add_plan(plan, today);
  const auto a = issue(fixture, 'a', "term");
  fixture.issue('b');
  CHECK(fixture.admit(a, now - 1s).verdict == Verdict::admitted);
  CHECK(fixture.admit(a).verdict == Verdict::expired);
  CHECK(fixture.store->find(a.id, today)->status() == TokenState::Status::expired);
  CHECK(ids(fixture, TokenState::Status::expired) == "a");
  CHECK(ids(fixture, TokenState::Status::active) == "b");
  CHECK(fixture.store->counts(today).expired == 1);
  CHECK(fixture.store->counts(today).active == 1);
  fixture.store->edit_plan(
      "term", [](Plan& one) { one.expires_at = iso8601(now + 1h); }, today);
  CHECK(fixture.admit(a).verdict == Verdict::admitted);
  CHECK(ids(fixture, TokenState::Status::active) == "ab");
}

TEST_CASE("a plan that has tokens stays until it is said which plan they get") {
  Fixture fixture(EACH_STORE);
  fixture.store->add_plan(plan_of("old", 1), today);
  fixture.store->add_plan(plan_of("new", 9), today);
  CHECK_FALSE(fixture.store->add_plan(plan_of("old", 2), today));
  const auto a = issue(fixture, 'a', "old");
  const auto b = issue(fixture, 'b', "old");
  fixture.store->remove_all({b.id}, now);
  CHECK(fixture.store->plan("old")->tokens == 1);
  CHECK(fixture.store->remove_plan("old", {}, today).tokens == 2);  // the deleted one may come back
  CHECK(fixture.store->plan("old"));
  fixture.store->remove_plan("old", "new", today);
  CHECK_FALSE(fixture.store->plan("old"));
  CHECK_FALSE(fixture.store->remove_plan("old", {}, today).found);
  CHECK(fixture.admit(a).limits.daily == 9);
  TokenQuery query;
  query.plan = "new";
  CHECK(fixture.store->list(query, today).total == 1);
}

TEST_CASE(
    "plans of the file are as it has them, and free once they left it; what is thrown changes nothing") {
  Fixture fixture(EACH_STORE);
  Plan plan = plan_of("filed", 4);
  plan.from_file = true;
  plan.models = {"one", "two"};
  plan.description = "of the file";
  fixture.store->keep_file_plans({plan}, today);
  const auto kept = fixture.store->plan("filed");
  REQUIRE(kept);
  CHECK(kept->plan.from_file);
  CHECK(kept->plan.models == plan.models);
  CHECK(kept->plan.description == "of the file");
  CHECK_THROWS_AS(fixture.store->edit_plan(
                      "filed",
                      [](Plan& one) {
                        one.daily_limit = 1;
                        throw Error(ErrorKind::conflict, "no");
                      },
                      today),
                  Error);
  CHECK(fixture.store->plan("filed")->plan.daily_limit == 4);
  fixture.store->keep_file_plans({}, today);
  CHECK_FALSE(fixture.store->plan("filed")->plan.from_file);
  CHECK(fixture.store->plans().size() == 1);
}
