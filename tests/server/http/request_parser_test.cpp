// SPDX-License-Identifier: MIT
#include "server/http/httplib_bridge.hpp"
#include "tests/catch.hpp"

using namespace opencat::http;

namespace {

Routes some_routes() {
  const BlockingHandler answer = [](const Request&) { return Response{204}; };
  return {{"GET", "/things", Access::anyone, answer}, {"POST", R"(/things/(\w+))", Access::anyone, answer}};
}

RequestParser::Parsed parse(RequestParser& parser, const std::string& line, const std::string& headers = "") {
  return parser.parse(line + "\r\nHost: a\r\n" + headers + "\r\n");
}

}  // namespace

TEST_CASE("a line that came before is read as the first time, with its own headers") {
  const Routes routes = some_routes();
  RequestParser parser(routes, "");
  for (int time = 0; time < 3; ++time) {
    const auto parsed = parse(parser, "POST /things/x HTTP/1.1", "X-Time: " + std::to_string(time) + "\r\n");
    REQUIRE(parsed.route == &routes[1]);
    CHECK(parsed.request.method == "POST");
    CHECK(parsed.request.path == "/things/x");
    CHECK(parsed.request.captures == std::vector<std::string>{"x"});
    CHECK(*parsed.request.header("X-Time") == std::to_string(time));
    CHECK(parsed.keep_alive);
  }
  CHECK(parse(parser, "POST /things/y HTTP/1.1").request.captures == std::vector<std::string>{"y"});
}

TEST_CASE("a connection is kept as each request asks, whatever the one before asked") {
  const Routes routes = some_routes();
  RequestParser parser(routes, "");
  CHECK_FALSE(parse(parser, "GET /things HTTP/1.1", "Connection: close\r\n").keep_alive);
  CHECK(parse(parser, "GET /things HTTP/1.1").keep_alive);
  CHECK_FALSE(parse(parser, "GET /things HTTP/1.1", "connection: foo, Close\r\n").keep_alive);
  CHECK_FALSE(parse(parser, "GET /things HTTP/1.0").keep_alive);
  CHECK_FALSE(parse(parser, "GET /things HTTP/1.0").keep_alive);
}

TEST_CASE("more different lines than are remembered are all read") {
  const Routes routes = some_routes();
  RequestParser parser(routes, "");
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 200; ++i) {
      const std::string id = std::to_string(i);
      CHECK(parse(parser, "POST /things/" + id + " HTTP/1.1").request.captures.at(0) == id);
    }
  }
}

TEST_CASE("a query belongs to its own request") {
  const Routes routes = some_routes();
  RequestParser parser(routes, "");
  for (const std::string value : {"1", "2"}) {
    const auto parsed = parse(parser, "GET /things?a=" + value + " HTTP/1.1");
    REQUIRE(parsed.request.query.size() == 1);
    CHECK(parsed.request.query[0].second == value);
  }
  CHECK(parse(parser, "GET /things HTTP/1.1").request.query.empty());
}

TEST_CASE("what is no route stays none") {
  const Routes routes = some_routes();
  RequestParser parser(routes, "");
  for (int time = 0; time < 2; ++time) {
    CHECK(parse(parser, "GET /nothing HTTP/1.1").status == 404);
    CHECK(parse(parser, "DELETE /things HTTP/1.1").status == 405);
    CHECK(parse(parser, "POST /things HTTP/1.1").route == nullptr);
  }
}
