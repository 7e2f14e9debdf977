// SPDX-License-Identifier: MIT
#include "server/upstream/upstream_pool.hpp"

#include <map>

#include "opencat/error.hpp"
#include "tests/catch.hpp"

using namespace opencat;
using namespace std::chrono_literals;

namespace {

class SetClock : public Clock {
 public:
  Time now() const override { return time; }
  Time time{1'795'424'400s};
};

/// Answers every probe at once with a status the test sets.
class ProbedUpstream : public Upstream {
 public:
  explicit ProbedUpstream(int& status) : status_(status) {}
  std::unique_ptr<Transfer> start(UpstreamLoop&, UpstreamRequest, TransferListener&) override {
    return nullptr;
  }
  std::unique_ptr<Transfer> probe(UpstreamLoop& loop, TransferListener& listener) override {
    loop.loop.post([this, &listener] {
      listener.on_head(status_, {});
      listener.on_end(std::nullopt);
    });
    return std::make_unique<Nothing>();
  }

 private:
  struct Nothing : Transfer {
    void pause() override {}
    void resume() override {}
  };
  int& status_;
};

UpstreamConfig config(const std::string& name, int priority = 1, int weight = 1) {
  UpstreamConfig result;
  result.name = name;
  result.models = {"model-of-" + name, "common"};
  result.priority = priority;
  result.weight = weight;
  return result;
}

const Endpoint& chat = json_endpoints().front();
const Endpoint& messages = json_endpoints().at(4);

struct Fixture {
  EventLoop loop;
  HttpTransfers transfers{loop, {}};
  SetClock clock;
  int probe_status = 200;
  std::vector<std::string> log;
  std::shared_ptr<UpstreamPool> pool = std::make_shared<UpstreamPool>(
      UpstreamLoop{loop, transfers}, clock,
      [this](const UpstreamConfig&) { return std::make_unique<ProbedUpstream>(probe_status); },
      [this](const std::string& line) { log.push_back(line); }, UpstreamHealth::Pauses{20ms, 120s, 600s});

  std::string chosen(const std::string& model = "common", const std::vector<std::string>& tried = {}) const {
    const auto lease = pool->choose(model, chat, tried);
    return lease ? lease->name() : "";
  }
  std::map<std::string, int> shares(int calls) const {
    std::map<std::string, int> counts;
    for (int i = 0; i < calls; ++i) ++counts[chosen()];
    return counts;
  }
  void fail(const std::string& name) const {
    std::vector<std::string> tried;
    for (const auto& status : pool->status()) {
      if (status.config.name != name) tried.push_back(status.config.name);
    }
    pool->choose("common", chat, tried)->failed("status 500");
  }
  /// Runs the loop until something has come to be; gives up after 10 s.
  void run_until(const std::function<bool()>& came) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    const std::function<void()> look = [&] {
      if (came() || std::chrono::steady_clock::now() > deadline) return loop.stop();
      loop.call_after(2ms, look);
    };
    loop.post(look);
    loop.run();
  }
};

}  // namespace

TEST_CASE("the lowest priority number is asked first, and its weight is its share") {
  Fixture f;
  f.pool->configure({config("spare", 2), config("big", 1, 3), config("small", 1, 1)});
  CHECK(f.shares(40) == std::map<std::string, int>{{"big", 30}, {"small", 10}});
  CHECK(f.chosen("common", {"big"}) == "small");
  CHECK(f.chosen("common", {"big", "small"}) == "spare");
  CHECK(f.chosen("common", {"big", "small", "spare"}).empty());
  CHECK(f.chosen("model-of-spare") == "spare");
}

TEST_CASE("auto is each upstream's own default, and is counted under the first one's") {
  Fixture f;
  f.pool->configure({config("b", 2), config("a", 1)});
  CHECK(f.pool->counted_name("auto", chat) == "model-of-a");
  CHECK(f.pool->choose("auto", chat, {})->model() == "model-of-a");
  CHECK(f.pool->choose("auto", chat, {"a"})->model() == "model-of-b");
}

TEST_CASE("an alias is mapped by each upstream in its own way, and listed once") {
  Fixture f;
  UpstreamConfig a = config("a");
  UpstreamConfig b = config("b", 2);
  a.aliases = {{"best", "common"}};
  b.aliases = {{"best", "model-of-b"}};
  f.pool->configure({a, b});
  CHECK(f.pool->counted_name("best", chat) == "best");
  CHECK(f.pool->choose("best", chat, {})->model() == "common");
  CHECK(f.pool->choose("best", chat, {"a"})->model() == "model-of-b");
  CHECK(f.pool->models() == std::vector<std::string>{"model-of-a", "common", "best", "model-of-b"});
}

TEST_CASE("a model that nobody offers, or nobody for this call, is told apart from no upstream at all") {
  Fixture f;
  CHECK_THROWS_AS(f.pool->counted_name("auto", chat), Error);
  UpstreamConfig claude = config("claude");
  claude.kind = UpstreamKind::anthropic;
  f.pool->configure({claude});
  CHECK(f.pool->counted_name("auto", messages) == "model-of-claude");
  for (const char* model : {"auto", "common", "unknown"}) {
    try {
      f.pool->counted_name(model, chat);
      FAIL("it was taken");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::model_not_found);
    }
  }
}

TEST_CASE("at its cap an upstream is passed over, and when all are the answer is 503") {
  Fixture f;
  UpstreamConfig a = config("a");
  a.max_concurrent = 2;
  UpstreamConfig b = config("b", 2);
  b.max_concurrent = 1;
  f.pool->configure({a, b});
  std::vector<UpstreamPool::Lease> held;
  for (const char* name : {"a", "a", "b"}) {
    held.push_back(*f.pool->choose("common", chat, {}));
    CHECK(held.back().name() == name);
  }
  try {
    f.pool->choose("common", chat, {});
    FAIL("it was admitted");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::unavailable);
    CHECK(error.retry_after_s == 1);
  }
  held.pop_back();
  CHECK(f.chosen() == "b");
  held.clear();
  CHECK(f.pool->status()[0].in_flight == 0);
  CHECK(f.chosen() == "a");
}

TEST_CASE("one that failed gets nothing until a probe went well") {
  Fixture f;
  f.pool->configure({config("a"), config("b", 2)});
  f.fail("a");
  CHECK(f.shares(10) == std::map<std::string, int>{{"b", 10}});
  CHECK(f.pool->status()[0].state == UpstreamHealth::State::cooling);
  CHECK(f.pool->status()[0].last_failure == "status 500");

  SECTION("and comes back after it") {
    f.clock.time += 20ms;
    f.run_until([&] { return f.log.size() == 2; });
    CHECK(f.pool->status()[0].state == UpstreamHealth::State::healthy);
    CHECK(f.chosen() == "a");
  }
  SECTION("and stays away when it did not") {
    f.probe_status = 503;
    f.clock.time += 20ms;
    f.run_until([&] { return f.pool->status()[0].last_failure.rfind("probe", 0) == 0; });
    CHECK(f.pool->status()[0].state == UpstreamHealth::State::cooling);
    CHECK(f.pool->status()[0].last_failure == "probe: status 503");
    CHECK(f.chosen() == "b");
  }
}

TEST_CASE("when all have failed, asking is better than refusing; but not twice for one request") {
  Fixture f;
  f.pool->configure({config("a"), config("b", 2)});
  f.fail("a");
  f.fail("b");
  CHECK(f.chosen() == "a");
  CHECK(f.chosen("common", {"a"}).empty());
  f.pool->choose("common", chat, {})->succeeded();
  CHECK(f.pool->status()[0].state == UpstreamHealth::State::healthy);
}

TEST_CASE("a new list keeps the health of those that stay and the calls of those that go") {
  Fixture f;
  f.pool->configure({config("a"), config("b", 2)});
  f.fail("a");
  const auto lease = f.pool->choose("common", chat, {});
  CHECK(lease->name() == "b");
  f.pool->configure({config("a"), config("c", 2)});
  CHECK(f.pool->status()[0].state == UpstreamHealth::State::cooling);
  CHECK(lease->name() == "b");
  CHECK(f.chosen() == "c");
}

TEST_CASE("each further failure cools longer, up to a bound, and Retry-After is heard") {
  UpstreamHealth health;
  const Time now{1'795'424'400s};
  std::vector<long> pauses;
  for (int i = 0; i < 9; ++i) {
    health.probed_well();
    health.failed(now, {});
    pauses.push_back(std::chrono::duration_cast<std::chrono::seconds>(*health.cooling_until() - now).count());
  }
  CHECK(pauses == std::vector<long>{2, 4, 8, 16, 32, 64, 120, 120, 120});
  health.succeeded();
  CHECK(health.state() == UpstreamHealth::State::healthy);
  health.failed(now, 30s);
  CHECK(*health.cooling_until() == now + 30s);
  health.failed(now, 3s);
  CHECK(*health.cooling_until() == now + 30s);
  health.succeeded();
  health.failed(now, 86400s);
  CHECK(*health.cooling_until() == now + 600s);
}
