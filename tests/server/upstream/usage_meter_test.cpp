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
  CHECK(meter.usage("{}", false).estimated);
  CHECK(meter.see_chunk(R"({"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":34}})") ==
        Chunk::usage_only);
  CHECK_FALSE(meter.usage("{}", true).estimated);
  CHECK(meter.usage("{}", true).prompt_tokens == 12);
  CHECK(meter.usage("{}", true).completion_tokens == 34);
  CHECK(meter.see_chunk("[DONE]") == Chunk::content);
  CHECK(meter.usage("{}", true).prompt_tokens == 12);
}

TEST_CASE("UsageMeter takes reports beside content for cumulative and keeps the last") {
  UsageMeter meter;
  for (const int sum : {1, 2, 3}) {
    CHECK(meter.see_chunk(R"({"choices":[{"delta":{}}],"usage":{"prompt_tokens":7,"completion_tokens":)" +
                          std::to_string(sum) + "}}") == Chunk::content);
  }
  CHECK(meter.usage("{}", true).prompt_tokens == 7);
  CHECK(meter.usage("{}", true).completion_tokens == 3);
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
    CHECK(meter.usage("{}", true).completion_tokens == 1);
    return meter.usage("{}", true).prompt_tokens;
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
    const Usage usage = meter.usage("{}", true);
    CHECK(usage.estimated);
    CHECK(usage.completion_tokens == 0);
  }
}

TEST_CASE("UsageMeter joins what Anthropic tells in two events, its caches included") {
  UsageMeter meter;
  meter.see_chunk(
      R"({"type":"message_start","message":{"usage":{"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":1}}})");
  meter.see_chunk(
      R"({"type":"content_block_delta","delta":{"type":"text_delta","text":"four and more words"}})");
  meter.see_chunk(R"({"type":"message_delta","delta":{},"usage":{"output_tokens":42}})");
  const Usage usage = meter.usage("{}", true);
  CHECK(usage.prompt_tokens == 15);
  CHECK(usage.completion_tokens == 42);
  CHECK_FALSE(usage.estimated);
}

TEST_CASE("UsageMeter reads the usage of a response's last event") {
  UsageMeter meter;
  meter.see_chunk(
      R"({"type":"response.completed","response":{"usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7}}})");
  CHECK(meter.usage("{}", true).prompt_tokens == 3);
  CHECK(meter.usage("{}", true).completion_tokens == 4);
}

TEST_CASE("UsageMeter reckons with the text that passed when no report came, and says so") {
  UsageMeter meter;
  meter.see_chunk(R"({"choices":[{"delta":{"content":"你好"}}]})");
  meter.see_chunk(R"({"choices":[{"delta":{"content":"12345678"}}]})");
  const Usage usage = meter.usage(R"({"messages":[{"role":"user","content":"12345678"}]})", false);
  CHECK(usage.prompt_tokens == 2);
  CHECK(usage.completion_tokens == 4);
  CHECK(usage.estimated);
}

TEST_CASE("UsageMeter takes the larger of report and text when an answer broke off behind the report") {
  UsageMeter meter;
  meter.see_chunk(R"({"message":{"usage":{"input_tokens":10,"output_tokens":1}}})");
  meter.see_chunk(R"({"delta":{"text":"12345678 2345678"}})");
  CHECK(meter.usage("{}", false).prompt_tokens == 10);
  CHECK(meter.usage("{}", false).completion_tokens == 4);
  CHECK(meter.usage("{}", false).estimated);
}

TEST_CASE("UsageMeter finds a report in the tail of an answer that was not kept") {
  UsageMeter meter;
  meter.see_tail(
      R"(xxxx"}],"usage":{"input_tokens":7,"input_tokens_details":{"text_tokens":7},"output_tokens":9}})");
  CHECK(meter.usage("{}", true).prompt_tokens == 7);
  CHECK(meter.usage("{}", true).completion_tokens == 9);
  UsageMeter none;
  none.see_tail(R"("usage":{"input_tokens":)");
  none.see_tail(R"("usage")");
  CHECK(none.usage("{}", true).estimated);
}

TEST_CASE("UsageMeter passes over a report with a name that is no Unicode") {
  const std::string odd = R"({"\ud800":1,"completion_tokens":9})";
  UsageMeter meter;
  CHECK(meter.see_answer(R"({"choices":[],"usage":)" + odd + "}"));
  CHECK(meter.see_chunk(R"({"choices":[],"usage":)" + odd + "}") == UsageMeter::Chunk::content);
  CHECK(meter.see_chunk(R"({"\ud800":1,"usage":{"completion_tokens":9}})") == UsageMeter::Chunk::content);
  meter.see_tail(R"("usage":)" + odd + "}");
  CHECK(meter.usage("{}", true).completion_tokens == 0);
  CHECK(meter.usage("{}", true).estimated);
}
