// SPDX-License-Identifier: MIT
#include "server/upstream/json_text.hpp"

#include <string>

#include <nlohmann/json.hpp>

#include "tests/catch.hpp"

using opencat::is_json;

TEST_CASE("what RFC 8259 allows is JSON") {
  for (const char* text :
       {"{}", "[]", "0", "-0", "1.5e+10", "1E-2", "true", "false", "null", "\"\"",
        " [1 , {\"a\" : [ ] } ]\r\n\t", "{\"a\":{\"b\":[[],{}]}}", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00aF\"",
        "\"\x7F\"", "{\"\":1,\"\":2}", "\"\\ud800\""}) {
    INFO(text);
    CHECK(is_json(text));
  }
}

TEST_CASE("what RFC 8259 does not allow is none") {
  for (const char* text : {"",          " ",           "{",          "}",       "[",
                           "]",         "[1",          "[1,",        "[1,]",    "[,1]",
                           "{\"a\"}",   "{\"a\":}",    "{\"a\":1,}", "{a:1}",   "{1:2}",
                           "{,}",       "[1 2]",       "[}",         "{]",      "[1}",
                           "{\"a\":1]", "01",          "-",          "+1",      ".5",
                           "1.",        "1e",          "1e+",        "0x1",     "NaN",
                           "Infinity",  "tru",         "nulll",      "\"",      "\"\\\"",
                           "\"\\x\"",   "\"\\u12g4\"", "\"\\u12\"",  "\"\t\"",  "'a'",
                           "1 2",       "{}x",         "{}{}",       "// c\n1", "\xEF\xBB\xBF{}"}) {
    INFO(text);
    CHECK_FALSE(is_json(text));
  }
  CHECK_FALSE(is_json(std::string_view("\"\0\"", 3)));
}

TEST_CASE("numbers of any size are JSON") {
  for (const char* text : {"1e400", "-1e99999", "123456789012345678901234567890", "0.1e-999"})
    CHECK(is_json(text));
}

TEST_CASE("only UTF-8 as RFC 3629 has it is JSON") {
  const auto quoted = [](const std::string& bytes) { return is_json("\"" + bytes + "\""); };
  for (const char* good : {"\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                           "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    CHECK(quoted(good));
  }
  for (const char* bad :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2x", "\xE0\x9F\xBF", "\xE2\x82", "\xED\xA0\x80",
        "\xF0\x8F\xBF\xBF", "\xF0\x9F\x98", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
    CHECK_FALSE(quoted(bad));
  }
}

TEST_CASE("depth is no danger") {
  const std::size_t depth = 1'000'000;  // eight bytes a level would be all of a thread's stack
  CHECK(is_json(std::string(depth, '[') + std::string(depth, ']')));
  CHECK_FALSE(is_json(std::string(depth, '[')));
}

TEST_CASE("every mutation of a document is judged as nlohmann's parser judges it") {
  const std::string seed = "{\"a\":[1.5e1,-0,\"\\u00e9\\n\xC3\xA9\",{\"b\":null}],\"c\":{},\"d\":true}";
  const std::string letters = "{}[],:\"\\0e.-+ tn\x01\x80\xC3";
  int wrong = 0;
  const auto compare = [&](const std::string& text) {
    wrong += is_json(text) != nlohmann::json::accept(text) ? 1 : 0;
  };
  for (std::size_t i = 0; i < seed.size(); ++i) {
    compare(seed.substr(0, i));
    compare(seed.substr(0, i) + seed.substr(i + 1));
    for (const char c : letters) {
      std::string changed = seed;
      changed[i] = c;
      compare(changed);
      compare(seed.substr(0, i) + c + seed.substr(i));
    }
  }
  CHECK(wrong == 0);
}
