// SPDX-License-Identifier: MIT
#include "server/upstream/token_estimate.hpp"

#include <string>

#include "tests/catch.hpp"

using namespace opencat;

TEST_CASE("four letters are a token, and so is one Chinese character, written out or escaped") {
  CHECK(estimated_tokens("") == 0);
  CHECK(estimated_tokens("word word") == 3);
  CHECK(estimated_tokens("你好") == 2);
  CHECK(estimated_tokens("\\u4f60\\u597d\\n") == 3);
}

TEST_CASE("of a request texts count; names, roles and pictures do not") {
  CHECK(estimated_prompt_tokens(
            R"({"model":"a-very-long-name","messages":[{"role":"user","content":"12345678"}]})") == 2);
  const std::string picture = "data:image/png;base64," + std::string(100'000, 'A');
  CHECK(estimated_prompt_tokens(R"({"content":[{"type":"text","text":"1234"},{"image_url":{"url":")" +
                                picture + R"("}}]})") == 1);
  CHECK(estimated_prompt_tokens(R"({"source":{"type":"base64","data":")" + std::string(100'000, 'A') +
                                "\"}}") == 0);
  CHECK(estimated_prompt_tokens(R"({"input":["1234","5678"]})") == 2);
}

TEST_CASE("of an answer its text counts, in whichever member a dialect has it") {
  CHECK(estimated_answer_tokens(R"({"id":"chatcmpl-123456","choices":[{"delta":{"content":"1234"}}]})") == 1);
  CHECK(estimated_answer_tokens(R"({"type":"response.output_text.delta","delta":"12345678"})") == 2);
  CHECK(estimated_answer_tokens(R"({"delta":{"type":"text_delta","text":"a \" quote"}})") == 3);
  CHECK(estimated_answer_tokens(R"({"tool_calls":[{"function":{"arguments":"1234"}}]})") == 1);
}

TEST_CASE("half a document is read as far as it goes") {
  for (const char* text :
       {"", "\"", "\"content\":\"", "{\"content\":\"\\", "\"\\", "\"content\" :", "\\u12\""}) {
    CHECK(estimated_answer_tokens(text) <= 2);
    CHECK(estimated_prompt_tokens(text) <= 4);
  }
}
