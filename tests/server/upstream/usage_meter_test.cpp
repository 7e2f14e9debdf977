// SPDX-License-Identifier: MIT
#include "server/upstream/usage_meter.hpp"

#include <string>

#include "tests/catch.hpp"

using namespace opencat;
using Chunk = UsageMeter::Chunk;

TEST_CASE("UsageMeter learns from the usage chunk, and tells it from chunks with content") {
  UsageMeter meter;
  CHECK(meter.see_chunk(R"({"choices":[{"delta":{"content":"hi"}}]})") == Chunk::content);
  CHECK(meter.see_chunk(R"({"choices":[{"delta":{"content":"\"usage\""}}],"usage":null})") == Chunk::content);
  CHECK_FALSE(meter.report());
  CHECK(meter.see_chunk(R"({"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":34}})") ==
        Chunk::usage_only);
  REQUIRE(meter.report());
  CHECK(meter.report()->prompt_tokens == 12);
  CHECK(meter.report()->completion_tokens == 34);
  CHECK(meter.see_chunk("[DONE]") == Chunk::content);
  CHECK(meter.report()->prompt_tokens == 12);
}

TEST_CASE("UsageMeter takes reports beside content for cumulative and keeps the last") {
  UsageMeter meter;
  for (const int sum : {1, 2, 3}) {
    CHECK(meter.see_chunk(R"({"choices":[{"delta":{}}],"usage":{"prompt_tokens":7,"completion_tokens":)" +
                          std::to_string(sum) + "}}") == Chunk::content);
  }
  CHECK(meter.report()->prompt_tokens == 7);
  CHECK(meter.report()->completion_tokens == 3);
}

TEST_CASE("UsageMeter never withholds a chunk that it cannot be sure of") {
  UsageMeter meter;
  for (const char* chunk :
       {R"({"usage":{"prompt_tokens":1}})", R"({"choices":{},"usage":{}})", R"({"choices":[],"usage":[]})",
        R"({"choices":[],"usage":{)", R"(["usage"])", R"({"choices":[],"usage":1})", R"("usage")"}) {
    CAPTURE(chunk);
    CHECK(meter.see_chunk(chunk) == Chunk::content);
  }
}

TEST_CASE("UsageMeter counts nothing absurd that an upstream says") {
  const auto prompt_of = [](const std::string& count) {
    UsageMeter meter;
    meter.see_answer(R"({"usage":{"completion_tokens":1,"prompt_tokens":)" + count + "}}");
    REQUIRE(meter.report());
    CHECK(meter.report()->completion_tokens == 1);
    return meter.report()->prompt_tokens;
  };
  CHECK(prompt_of("5") == 5);
  CHECK(prompt_of("5.0") == 5);
  CHECK(prompt_of("-5") == 0);
  CHECK(prompt_of("1e300") == 1'000'000'000'000);
  CHECK(prompt_of("18446744073709551615") == 1'000'000'000'000);
  CHECK(prompt_of("\"5\"") == 0);
  CHECK(prompt_of("null") == 0);
}

TEST_CASE("UsageMeter learns from a whole answer, and nothing from one without usage") {
  for (const char* answer : {"", "<html>", "[]", "{}", R"({"usage":null})", R"({"usage":5})"}) {
    UsageMeter meter;
    meter.see_answer(answer);
    CHECK_FALSE(meter.report());
  }
}
