// SPDX-License-Identifier: MIT
// Clients that send or read too slowly, with less patience than a real server has.
#include <atomic>
#include <future>

#include "tests/catch.hpp"
#include "tests/server/http/fixture.hpp"

using namespace opencat;
using namespace opencat::http;
using namespace opencat::http::testing;
using namespace std::chrono_literals;

namespace {

/// So long a handler may take to hear that its client is gone; under a sanitizer there is much else to do.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr auto until_heard = 30s;
#else
constexpr auto until_heard = 5s;
#endif

HttpServerOptions impatient() {
  HttpServerOptions options;
  options.patience = {200ms, 300ms, 200ms, 200ms, 200ms, 200ms, 500, 20ms};
  return options;
}

struct Server : Fixture {
  explicit Server(Routes more = {}, HttpServerOptions options = impatient())
      : Fixture(
            [&] {
              more.push_back({"GET", "/light", Access::anyone,
                              on_loop([](const auto& exchange) { exchange->respond({204}); })});
              more.push_back({"POST", "/whole", Access::anyone, on_loop([](const auto& exchange) {
                                exchange->respond({200, {}, std::to_string(exchange->request().body.size())});
                              })});
              return more;
            }(),
            std::move(options)) {}
};

/// Sends `text` byte by byte, with a pause before each, until the server has enough; how long that took.
std::chrono::milliseconds trickle(Socket& client, std::string_view text, std::chrono::milliseconds pause) {
  const auto began = std::chrono::steady_clock::now();
  for (const char byte : text) {
    std::this_thread::sleep_for(pause);
    if (!client.send({&byte, 1})) break;
  }
  client.until_closed();
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
}

const std::string get = "GET /light HTTP/1.1\r\nHost: x\r\n\r\n";

}  // namespace

TEST_CASE("a head that trickles in is cut when its time is over, however steadily it comes") {
  Server server;
  Socket client(server.port);
  const auto took = trickle(client, "GET /light HTTP/1.1\r\nX: " + std::string(1000, 'x'), 10ms);
  CHECK(took >= 150ms);
  CHECK(took < 3s);
  // One that takes its time within the limit is served, and then idles as long as it may.
  Socket other(server.port);
  for (const char byte : get) other.send({&byte, 1});
  CHECK(other.until("\r\n\r\n").find("HTTP/1.1 204") == 0);
  CHECK(other.until_closed().empty());
}

TEST_CASE("a body that trickles in is cut when it is below the slowest rate") {
  HttpServerOptions options = impatient();
  options.patience.slowest_body_per_s = 1000;
  Server server({}, options);
  Socket client(server.port);
  client.send("POST /whole HTTP/1.1\r\nContent-Length: 100000\r\n\r\n");
  const auto took = trickle(client, std::string(1000, 'x'), 10ms);
  CHECK(took >= 150ms);
  CHECK(took < 3s);

  // As slow, but with more in each piece.
  Socket steady(server.port);
  steady.send("POST /whole HTTP/1.1\r\nContent-Length: 40000\r\n\r\n");
  for (int i = 0; i < 40; ++i) {
    std::this_thread::sleep_for(10ms);
    REQUIRE(steady.send(std::string(1000, 'x')));
  }
  CHECK(steady.until("40000").find("HTTP/1.1 200") == 0);
}

TEST_CASE("a streamed body that stalls is over for its handler; a paused one may take as long as it wants") {
  std::promise<void> gone;
  std::atomic<bool> pauses{false};
  Server server({{"POST", "/up", Access::anyone, on_loop([&](const std::shared_ptr<Exchange>& exchange) {
                    if (!pauses) exchange->on_gone = [&gone] { gone.set_value(); };
                    exchange->read_body([](std::string_view) {}, [exchange] { exchange->respond({204}); });
                    if (!pauses) return;
                    exchange->pause_body();
                    exchange->loop().call_after(500ms, [exchange] { exchange->resume_body(); });
                  }),
                  BodyMode::streamed}});
  Socket client(server.port);
  client.send("POST /up HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
  CHECK(gone.get_future().wait_for(3s) == std::future_status::ready);
  client.until_closed();
  pauses = true;
  Socket paused(server.port);
  paused.send("POST /up HTTP/1.1\r\nContent-Length: 10\r\n\r\n");
  std::this_thread::sleep_for(400ms);
  paused.send("0123456789");
  CHECK(paused.until("\r\n\r\n").find("HTTP/1.1 204") == 0);
}

TEST_CASE("a reader that stands still loses its connection, and its handler hears of it") {
  std::promise<void> gone;
  Server server({{"GET", "/endless", Access::anyone, on_loop([&](const std::shared_ptr<Exchange>& exchange) {
                    exchange->begin({200});
                    exchange->on_gone = [&gone, exchange] { gone.set_value(); };
                    // More than the sockets of both sides take.
                    for (int i = 0; i < 100; ++i) exchange->write(std::string(1 << 20, 'x'));
                  })}});
  Socket client(server.port);
  client.send("GET /endless HTTP/1.1\r\n\r\n");
  CHECK(gone.get_future().wait_for(until_heard) == std::future_status::ready);
}

TEST_CASE("slow clients take their slots and no more: the others are served meanwhile") {
  HttpServerOptions options = impatient();
  options.patience.head = 10s;
  options.patience.body_stall = 10s;
  options.max_connections = 5;
  Server server({}, options);
  std::vector<std::unique_ptr<Socket>> slow;
  for (const char* text : {"G", "GET /light HT", "POST /whole HTTP/1.1\r\nContent-Length: 9\r\n\r\na",
                           "POST /whole HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na"}) {
    slow.push_back(std::make_unique<Socket>(server.port));
    slow.back()->send(text);
  }
  for (int i = 0; i < 50; ++i) {
    Socket quick(server.port);
    quick.send("GET /light HTTP/1.1\r\nConnection: close\r\n\r\n");
    REQUIRE(quick.until_closed().find("HTTP/1.1 204") == 0);
    // Its slot is free when the server has seen the end.
    quick.close();
    while (server.server.open_connections() > slow.size()) std::this_thread::sleep_for(1ms);
  }
  Socket fifth(server.port);
  fifth.send("G");
  while (server.server.open_connections() < 5) std::this_thread::sleep_for(1ms);
  Socket sixth(server.port);
  const std::string refused = sixth.until_closed();
  CHECK(refused.find("HTTP/1.1 503") == 0);
  CHECK(refused.find("Retry-After: ") != std::string::npos);
}

TEST_CASE("keep-alive connections that idle are closed, and ten thousand cost next to nothing to look at") {
  HttpServerOptions options = impatient();
  options.patience.keep_alive = 10min;
  Server server({}, options);
  std::vector<std::unique_ptr<Socket>> idle;
  for (int i = 0; i < 500; ++i) idle.push_back(std::make_unique<Socket>(server.port));
  while (server.server.open_connections() < idle.size()) std::this_thread::sleep_for(1ms);
  // Swept fifty times a second, 500 connections are 25,000 looks a second: 2.5 times those of 10,000 once a
  // second.
  const auto cpu = [] {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  };
  const auto before = cpu();
  std::this_thread::sleep_for(1s);
  const std::chrono::duration<double, std::milli> used = cpu() - before;
  CAPTURE(used.count());
  CHECK(used < 200ms);
}
