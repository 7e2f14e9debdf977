// SPDX-License-Identifier: MIT
// The relay between fakes of both ends, for moments that no real connection can be brought to on
// purpose.
#include "server/routes/relay.hpp"

#include <exception>
#include <vector>

#include "opencat/error.hpp"
#include "tests/catch.hpp"

using namespace opencat;
using namespace std::chrono_literals;

namespace {

/// Admits everybody at once and remembers what is settled and given back.
class FakeStore : public Store {
 public:
  void issue(const TokenRecord&) override {}
  std::optional<TokenState> find_by_hash(const std::string&, const QuotaPeriod&) override {
    return std::nullopt;
  }
  std::optional<PlanUse> plan(const std::string&) override { return std::nullopt; }
  void admit(AdmissionRequest request, OnAdmission on_admission) override {
    Admission admission;
    admission.verdict = verdict;
    admission.token_id = "tok_1";
    admission.model = request.model;
    on_admission(admission, nullptr);
  }
  void give_back(Reservation) override { ++given_back; }
  void settle(Reservation, TokenUse use) override { settled.push_back(use.prompt); }
  std::chrono::seconds take_place(const PlaceRequest&) override { return {}; }

  void probe(std::function<void(std::exception_ptr)>) override {}
  std::size_t waiting() const override { return 0; }

  Admission::Verdict verdict = Admission::Verdict::admitted;
  int given_back = 0;
  std::vector<std::int64_t> settled;
};

/// Hands the test its listener; the test is the model.
class FakeUpstream : public Upstream {
 public:
  std::unique_ptr<Transfer> probe(UpstreamLoop&, TransferListener&) override { return nullptr; }
  std::unique_ptr<Transfer> start(UpstreamLoop&, UpstreamRequest, TransferListener& its_listener) override {
    listener = &its_listener;
    return std::make_unique<FakeTransfer>(*this);
  }

  TransferListener* listener = nullptr;
  int pauses = 0;

 private:
  struct FakeTransfer : Transfer {
    explicit FakeTransfer(FakeUpstream& its_owner) : owner(its_owner) {}
    ~FakeTransfer() override { owner.listener = nullptr; }
    void pause() override { ++owner.pauses; }
    void resume() override { --owner.pauses; }
    FakeUpstream& owner;
  };
};

class FakeExchange : public http::Exchange {
 public:
  explicit FakeExchange(EventLoop& loop) : loop_(loop) {
    request_.body = "{\"messages\":[],\"stream\":true}";
    request_.token = "occ_0123456789abcdef0123456789abcdef";
  }
  http::Request& request() override { return request_; }
  EventLoop& loop() override { return loop_; }
  std::size_t loop_index() const override { return 0; }
  void read_body(OnBody, std::function<void()>) override {}
  void pause_body() override {}
  void resume_body() override {}
  std::optional<std::uint64_t> body_length() const override { return 0; }
  void respond(http::Response response) override {
    status = response.status;
    body = response.body;
  }
  void begin(http::Response response) override { status = response.status; }
  void write(std::string_view piece) override {
    written += piece;
    if (leaves_at_write) leave();
  }
  void end() override { ended = true; }
  std::size_t unsent() const override { return held; }

  void leave() {
    on_drained = nullptr;
    if (const auto gone = std::exchange(on_gone, nullptr)) gone();
  }

  int status = 0;
  std::string body;
  std::string written;
  bool ended = false;
  bool leaves_at_write = false;
  std::size_t held = 0;

 private:
  EventLoop& loop_;
  http::Request request_;
};

class FixedClock : public Clock {
  Time now() const override { return Time{std::chrono::seconds{1'795'424'400}}; }
};

/// What the pool owns; the test owns the upstream.
class Borrowed : public Upstream {
 public:
  explicit Borrowed(Upstream& upstream) : upstream_(upstream) {}
  std::unique_ptr<Transfer> probe(UpstreamLoop&, TransferListener&) override { return nullptr; }
  std::unique_ptr<Transfer> start(UpstreamLoop& loop, UpstreamRequest request,
                                  TransferListener& listener) override {
    return upstream_.start(loop, std::move(request), listener);
  }

 private:
  Upstream& upstream_;
};

UpstreamConfig config_named(const std::string& name, int priority) {
  UpstreamConfig config;
  config.name = name;
  config.models = {"m"};
  config.priority = priority;
  config.key = "sk-secret-of-" + name;
  return config;
}

struct Fixture {
  EventLoop loop;
  HttpTransfers transfers{loop, {}};
  FakeStore store;
  FakeUpstream upstream;
  FixedClock clock;
  SystemEntropy entropy;
  FakeUpstream second;
  std::shared_ptr<UpstreamPool> pool = std::make_shared<UpstreamPool>(
      UpstreamLoop{loop, transfers}, clock,
      [this](const UpstreamConfig& config) {
        return std::make_unique<Borrowed>(config.name == "second" ? second : upstream);
      },
      [](const auto&) {});
  routes::Services services{store, clock, entropy, pool,       {{loop, transfers}}, {},
                            {},    15s,   "/tmp",  "http://x", [](const auto&) {}};
  std::shared_ptr<FakeExchange> exchange = std::make_shared<FakeExchange>(loop);

  Fixture() { pool->configure({config_named("first", 1)}); }

  void start() {
    http::Routes routes;
    routes::add_relay_routes(routes, services);
    std::get<http::LoopHandler>(routes.front().handler)(exchange);
  }

  /// Runs what is posted, with `act` behind the admission; then the loop's next turns.
  void run(const std::function<void()>& act) {
    loop.post([this, act] {
      act();
      loop.post([this] { loop.post([this] { loop.stop(); }); });
    });
    loop.run();
  }

  void begin_stream() { upstream.listener->on_head(200, {{"content-type", "text/event-stream"}}); }
};

const std::string usage_event =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":1}}\n\n";
const std::string text_event = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";

}  // namespace

TEST_CASE("a client that leaves while the stream's last piece is written is settled once") {
  Fixture f;
  f.start();
  f.run([&] {
    f.begin_stream();
    f.exchange->leaves_at_write = true;
    TransferListener& listener = *f.upstream.listener;
    listener.on_body(usage_event + text_event + "data: [DONE]\n\n");
    listener.on_end(std::nullopt);
  });
  CHECK(f.store.settled == std::vector<std::int64_t>{7});
  CHECK(f.store.given_back == 0);
  CHECK(f.upstream.listener == nullptr);
}

TEST_CASE("a client that leaves while the error of a broken stream is written is settled once") {
  Fixture f;
  f.start();
  f.run([&] {
    f.begin_stream();
    TransferListener& listener = *f.upstream.listener;
    listener.on_body(usage_event);
    f.exchange->leaves_at_write = true;
    listener.on_end(Error(ErrorKind::network, "reset"));
  });
  CHECK(f.store.settled.size() == 1);
  CHECK(f.upstream.listener == nullptr);
}

TEST_CASE("a client that left before it was admitted is given back, and the upstream never hears of it") {
  Fixture f;
  f.start();
  f.exchange->leave();
  f.run([] {});
  CHECK(f.store.given_back == 1);
  CHECK(f.upstream.listener == nullptr);
  CHECK(f.exchange->status == 0);
}

TEST_CASE("a client that leaves after [DONE] changes nothing, and the upstream's end is awaited") {
  Fixture f;
  f.start();
  f.run([&] {
    f.begin_stream();
    TransferListener& listener = *f.upstream.listener;
    listener.on_body(usage_event + "data: [DONE]\n\n");
    CHECK(f.exchange->ended);
    f.exchange->leave();
    CHECK(f.upstream.listener != nullptr);
    listener.on_end(Error(ErrorKind::network, "reset"));
  });
  CHECK(f.exchange->written == "data: [DONE]\n\n");
  CHECK(f.store.settled == std::vector<std::int64_t>{7});
  CHECK(f.upstream.listener == nullptr);
}

TEST_CASE("a client that takes nothing pauses the upstream until it has taken all") {
  Fixture f;
  f.start();
  f.run([&] {
    f.begin_stream();
    f.exchange->held = http::Exchange::high_water + 1;
    f.upstream.listener->on_body(text_event);
    CHECK(f.upstream.pauses == 1);
    f.exchange->held = 0;
    f.exchange->on_drained();
    CHECK(f.upstream.pauses == 0);
    f.upstream.listener->on_end(Error(ErrorKind::timeout, "silent"));
  });
  CHECK(f.exchange->ended);
  CHECK(f.exchange->written.find("UPSTREAM_TIMEOUT") != std::string::npos);
}

TEST_CASE("what was refused by the store reaches neither upstream nor count") {
  for (const auto& [verdict, status] : std::initializer_list<std::pair<Admission::Verdict, int>>{
           {Admission::Verdict::unknown_token, 401},
           {Admission::Verdict::disabled, 403},
           {Admission::Verdict::rate_limited, 429},
           {Admission::Verdict::daily_used_up, 429},
           {Admission::Verdict::monthly_used_up, 429}}) {
    Fixture f;
    f.store.verdict = verdict;
    f.start();
    f.run([] {});
    CHECK(f.exchange->status == status);
    CHECK(f.upstream.listener == nullptr);
    CHECK(f.store.given_back == 0);
  }
}

TEST_CASE("an upstream that is busy is left for the next one, and both are counted as one request") {
  Fixture f;
  f.pool->configure({config_named("first", 1), config_named("second", 2)});
  f.start();
  f.run([&] {
    f.upstream.listener->on_head(429, {{"retry-after", "7"}});
    f.upstream.listener->on_body("{\"error\":{}}");
    f.upstream.listener->on_end(std::nullopt);
    f.loop.post([&] {
      REQUIRE(f.second.listener != nullptr);
      f.second.listener->on_head(200, {{"content-type", "text/event-stream"}});
      f.second.listener->on_body(usage_event + "data: [DONE]\n\n");
      f.second.listener->on_end(std::nullopt);
    });
  });
  CHECK(f.exchange->status == 200);
  CHECK(f.exchange->written == "data: [DONE]\n\n");
  CHECK(f.store.settled == std::vector<std::int64_t>{7});
  CHECK(f.store.given_back == 0);
  CHECK(f.pool->status()[0].state == UpstreamHealth::State::cooling);
}

TEST_CASE("after the first byte nothing is tried again") {
  Fixture f;
  f.pool->configure({config_named("first", 1), config_named("second", 2)});
  f.start();
  f.run([&] {
    f.begin_stream();
    f.upstream.listener->on_body(text_event);
    f.upstream.listener->on_end(Error(ErrorKind::network, "reset"));
  });
  CHECK(f.second.listener == nullptr);
  CHECK(f.exchange->written.find("UPSTREAM_ERROR") != std::string::npos);
  CHECK(f.store.given_back == 0);
}

TEST_CASE("a client that leaves while the next upstream is asked is settled, and that call never begins") {
  Fixture f;
  f.pool->configure({config_named("first", 1), config_named("second", 2)});
  f.start();
  f.run([&] {
    f.upstream.listener->on_end(Error(ErrorKind::network, "refused"));
    f.exchange->leave();
  });
  CHECK(f.second.listener == nullptr);
  CHECK(f.upstream.listener == nullptr);
  CHECK(f.pool->status()[1].in_flight == 0);
}

TEST_CASE("an upstream's word on its key does not carry the key") {
  Fixture f;
  f.exchange->request().body = "{\"messages\":[]}";
  f.start();
  f.run([&] {
    f.upstream.listener->on_head(401, {});
    f.upstream.listener->on_body("{\"error\":{\"message\":\"wrong: sk-secret-of-first, sk-s***irst\"}}");
    f.upstream.listener->on_end(std::nullopt);
  });
  CHECK(f.exchange->status == 401);
  CHECK(f.exchange->body == "{\"error\":{\"message\":\"wrong: [key], [key]\"}}");
}
