// SPDX-License-Identifier: MIT
#include "opencat/text.hpp"

#include "tests/catch.hpp"

using namespace opencat;

TEST_CASE("the nearest word is found when it is near enough") {
  const std::vector<std::string> words{"--daily-limit", "--monthly-limit", "--demo", "--port"};
  CHECK(nearest("--dayly-limit", words) == "--daily-limit");
  CHECK(nearest("--prot", words) == "--port");
  CHECK(nearest("--demo", words) == "--demo");
  CHECK_FALSE(nearest("--completely-else", words));
  CHECK_FALSE(nearest("x", {}));
}

TEST_CASE("splitting and joining are each other's reverse") {
  CHECK(split("a,,b,", ',') == std::vector<std::string>{"a", "", "b", ""});
  CHECK(split("", ',') == std::vector<std::string>{""});
  for (const char* text : {"", "a", ",", "a,b,,c"}) CHECK(join(split(text, ','), ",") == text);
}

TEST_CASE("small helpers do what they are named after") {
  CHECK(trim(" \t\r\na b\n ") == "a b");
  CHECK(trim(" \n").empty());
  CHECK(lower("AbC-1\xC3\x89") == "abc-1\xC3\x89");
  CHECK(contains({"a", "b"}, "b"));
  CHECK_FALSE(contains({"a", "b"}, "B"));
  CHECK(percent_encode("aZ0-._~ /?#\xC3\xA9") == "aZ0-._~%20%2F%3F%23%C3%A9");
}

TEST_CASE("the beginning of a text ends where a character does") {
  CHECK(beginning("abc", 3) == "abc");
  CHECK(beginning("abcd", 3) == "abc");
  CHECK(beginning("a张三", 4) == "a张");
  CHECK(beginning("a张三", 5) == "a张");
  CHECK(beginning("a张三", 6) == "a张");
  CHECK(beginning("a张三", 7) == "a张三");
  CHECK(beginning("😀", 3).empty());
}

TEST_CASE("a masked secret shows too little to use it") {
  CHECK(masked("occ_0123456789abcdef0123456789abcdef") == "occ_0123********");
  CHECK(masked("short-secret") == "********");
  CHECK(masked("") == "********");
}

TEST_CASE("sizes are written for people") {
  CHECK(human_size(0) == "0 B");
  CHECK(human_size(999) == "999 B");
  CHECK(human_size(1000) == "1.0 kB");
  CHECK(human_size(1'500'000) == "1.5 MB");
  CHECK(human_size(25'400'000) == "25 MB");
  CHECK(human_size(999'600) == "1.0 MB");
}

TEST_CASE("printable text cannot command a terminal, and says all else as it is") {
  CHECK(printable("Ms Li, 张三 é") == "Ms Li, 张三 é");
  CHECK(printable("\033[2Jx\r\n\t\x7f") == "?[2Jx????");
  CHECK(printable("a\xc2\x9b"
                  "2J") == "a?2J");
  CHECK(printable("\xc2\xa9") == "\xc2\xa9");
}
