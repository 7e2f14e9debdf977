// SPDX-License-Identifier: MIT
#include "server/http/access_log.hpp"

#include "tests/catch.hpp"

using namespace opencat::http;

TEST_CASE("a route's name is its pattern for people") {
  CHECK(route_name("/healthz|/health") == "/healthz");
  CHECK(route_name("/api/tokens/([^/]+)/status") == "/api/tokens/{}/status");
  CHECK(route_name("/a/(b|c)/(d(e)f)") == "/a/{}/{}");
  CHECK(route_name("/manifest\\.json") == "/manifest.json");
  CHECK(route_name("/assets/app-12ab\\.js") == "/assets/*");
}

TEST_CASE("what a client could put into a line stays inside its text") {
  Request request;
  request.id = "a\"b\n\xff";
  const AnswerNotes notes{"tok_1", "m\\"};
  const std::string line = access_log_line(
      {request, nullptr, notes, 499, 7, std::chrono::microseconds(1500), std::nullopt, false, true}, "", {});
  CHECK(
      line ==
      "{\"time\":\"1970-01-01T00:00:00Z\",\"id\":\"a\\\"b\\n\xEF\xBF\xBD\",\"method\":null,\"route\":null,"
      "\"status\":499,\"duration_ms\":1.5,\"bytes\":7,\"ip\":null,\"token_id\":\"tok_1\",\"model\":\"m\\\\\","
      "\"cut\":true}");
}
