// SPDX-License-Identifier: MIT
// What handlers may do to the server, seen by a client.
#include <future>
#include <stdexcept>
#include <thread>

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "opencat/http_client.hpp"
#include "tests/catch.hpp"
#include "tests/server/http/fixture.hpp"

using namespace opencat;
using namespace opencat::http::testing;
using http::Access;

namespace {

void check_failed(Fixture& f, const std::string& path) {
  const HttpResponse response = f.get(path);
  CHECK(response.status == 500);
  CHECK(nlohmann::json::parse(response.body).at("error").at("code") == "INTERNAL_ERROR");
}

}  // namespace

TEST_CASE("a handler that lets go of its exchange has answered 500, at once or later") {
  Fixture f({{"GET", "/now", Access::anyone, on_loop([](const auto&) {})},
             {"GET", "/later", Access::anyone, on_loop([](const auto& exchange) {
                exchange->loop().call_after(std::chrono::milliseconds(1), [exchange] {});
              })}});
  check_failed(f, "/now");
  check_failed(f, "/later");
  CHECK(f.get("/nothing").status == 404);
}

TEST_CASE("an exception no handler should throw is 500 and told to the operator, not to the client") {
  Fixture f(
      {{"GET", "/loop", Access::anyone, on_loop([](const auto&) { throw std::runtime_error("inner"); })},
       {"GET", "/pool", Access::anyone, http::BlockingHandler([](const http::Request&) -> http::Response {
          throw std::runtime_error("inner");
        })}});
  check_failed(f, "/loop");
  check_failed(f, "/pool");
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
