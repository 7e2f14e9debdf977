// SPDX-License-Identifier: MIT
// What handlers may do to the server, seen by a client.
#include "server/http/http_server.hpp"

#include <future>
#include <stdexcept>
#include <thread>

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "opencat/http_client.hpp"
#include "tests/catch.hpp"

using namespace opencat;
using http::Access;
using http::Exchange;

namespace {

struct Fixture {
  EventLoop loop;
  std::vector<std::string> faults;
  http::HttpServer server;
  std::thread thread;
  int port;

  explicit Fixture(http::Routes routes, http::HttpServerOptions options = {})
      : server(
            std::move(options), std::move(routes), [](Access, http::Request&) {}, [] { return "req_1"; },
            {&loop}, [this](const std::string& what) { faults.push_back(what); }),
        port(server.start()) {
    thread = std::thread([this] { loop.run(); });
  }
  ~Fixture() {
    server.stop();
    loop.stop();
    thread.join();
  }

  HttpResponse get(const std::string& path) {
    HttpClient client({});
    return client.send({"GET", "http://127.0.0.1:" + std::to_string(port) + path, {}, {}});
  }
  void check_failed(const std::string& path) {
    const HttpResponse response = get(path);
    CHECK(response.status == 500);
    CHECK(nlohmann::json::parse(response.body).at("error").at("code") == "INTERNAL_ERROR");
  }
};

http::LoopHandler on_loop(std::function<void(const std::shared_ptr<Exchange>&)> act) { return act; }

}  // namespace

TEST_CASE("a handler that lets go of its exchange has answered 500, at once or later") {
  Fixture f({{"GET", "/now", Access::anyone, on_loop([](const auto&) {})},
             {"GET", "/later", Access::anyone, on_loop([](const auto& exchange) {
                exchange->loop().call_after(std::chrono::milliseconds(1), [exchange] {});
              })}});
  f.check_failed("/now");
  f.check_failed("/later");
  CHECK(f.get("/nothing").status == 404);
}

TEST_CASE("an exception no handler should throw is 500 and told to the operator, not to the client") {
  Fixture f(
      {{"GET", "/loop", Access::anyone, on_loop([](const auto&) { throw std::runtime_error("inner"); })},
       {"GET", "/pool", Access::anyone, http::BlockingHandler([](const http::Request&) -> http::Response {
          throw std::runtime_error("inner");
        })}});
  f.check_failed("/loop");
  f.check_failed("/pool");
  CHECK(f.get("/loop").body.find("inner") == std::string::npos);
  CHECK(f.faults == std::vector<std::string>(3, "inner"));
}

TEST_CASE("when the pool is full its routes are 503 with Retry-After, the others go on") {
  std::promise<void> gate;
  const auto open = gate.get_future().share();
  std::promise<void> entered;
  http::HttpServerOptions options;
  options.blocking_threads = 1;
  options.max_waiting_for_thread = 1;
  Fixture f(
      {{"GET", "/slow", Access::anyone, http::BlockingHandler([&](const http::Request&) {
          entered.set_value();
          open.wait();
          return http::Response{204};
        })},
       {"GET", "/queued", Access::anyone,
        http::BlockingHandler([](const http::Request&) { return http::Response{204}; })},
       {"GET", "/light", Access::anyone, on_loop([](const auto& exchange) { exchange->respond({204}); })}},
      options);
  auto slow = std::async(std::launch::async, [&] { return f.get("/slow").status; });
  entered.get_future().wait();
  auto a = std::async(std::launch::async, [&] { return f.get("/queued"); });
  auto b = std::async(std::launch::async, [&] { return f.get("/queued"); });
  // One of them waits; the other is refused at once and is the first to be answered.
  while (a.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready &&
         b.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready) {
  }
  CHECK(f.get("/light").status == 204);
  gate.set_value();
  const HttpResponse first = a.get();
  const HttpResponse second = b.get();
  CHECK(std::min(first.status, second.status) == 204);
  CHECK(std::max(first.status, second.status) == 503);
  CHECK(find_header((first.status == 503 ? first : second).headers, "Retry-After") != nullptr);
  CHECK(slow.get() == 204);
}

TEST_CASE("a streamed answer may begin with its body and end with nothing") {
  Fixture f({{"GET", "/stream", Access::anyone, on_loop([](const auto& exchange) {
                exchange->begin({200, {{"X-Evil", "a\r\nSet-Cookie: b"}}, "one"});
                exchange->write("");
                exchange->loop().post([exchange] {
                  exchange->write(" two");
                  exchange->end();
                  exchange->write("too late");
                  exchange->respond({500});
                });
              })}});
  const HttpResponse response = f.get("/stream");
  CHECK(response.body == "one two");
  CHECK(find_header(response.headers, "Set-Cookie") == nullptr);
}
