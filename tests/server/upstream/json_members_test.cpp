// SPDX-License-Identifier: MIT
#include "server/upstream/json_members.hpp"

#include <string>
#include <vector>

#include "opencat/error.hpp"
#include "tests/catch.hpp"

using namespace opencat;

namespace {

bool is_refused(std::string_view text) {
  try {
    JsonMembers members(text);
    return false;
  } catch (const Error& error) {
    return error.kind() == ErrorKind::usage;
  }
}

std::string with(std::string_view text, const std::string& name, const std::string& json) {
  JsonMembers members(text);
  members.set(name, json);
  return members.bytes();
}

}  // namespace

TEST_CASE("JsonMembers keeps every byte of values that parsers change") {
  for (const std::string value :
       {"12345678901234567890123456789", "1.0", "1.10", "1e400", "-1E+9999", "-0",
        "0.1000000000000000055511151231257827", R"("\u4f60\n\/\"")", "\"\xE4\xBD\xA0\"",
        "[ 1 ,2,  {\"a\" : [ ] } ]", "{\"b\":1, \"b\":2 }", "null", "true", R"("}],{\\")"}) {
    const std::string text = "{\"a\":" + value + "}";
    CAPTURE(text);
    CHECK(JsonMembers(text).find("a") == value);
    CHECK(JsonMembers(text).bytes() == text);
    CHECK(with("{\"a\": " + value + " , \"model\":\"x\"}", "model", "\"y\"") ==
          "{\"a\": " + value + " , \"model\":\"y\"}");
  }
}

TEST_CASE("JsonMembers keeps numbers of any length") {
  const std::string value =
      "[" + std::string(5000, '9') + "," + std::string(400, '9') + ".5e" + std::string(50, '9') + "]";
  CHECK(JsonMembers("{\"a\":" + value + "}").find("a") == value);
}

TEST_CASE("JsonMembers does not let go of white space around and inside") {
  const std::string text = " \r\n\t{ \"a\" :\t1 ,\n\"b\"\r:\n2 \n} \n";
  CHECK(JsonMembers(text).find("a") == "1");
  CHECK(JsonMembers(text).find("b") == "2");
  CHECK(with(text, "b", "3") == " \r\n\t{ \"a\" :\t1 ,\n\"b\"\r:\n3 \n} \n");
  CHECK(with(text, "c", "3") == " \r\n\t{ \"a\" :\t1 ,\n\"b\"\r:\n2 \n,\"c\":3} \n");
}

TEST_CASE("JsonMembers finds a member by its name as it reads, not as it is written") {
  const std::string_view text = R"({"\u006dodel":"a","q\"":1,"":2,"在":3})";
  CHECK(JsonMembers(text).find("model") == "\"a\"");
  CHECK(JsonMembers(text).find("q\"") == "1");
  CHECK(JsonMembers(text).find("") == "2");
  CHECK(JsonMembers(text).find("在") == "3");
  CHECK_FALSE(JsonMembers(text).find("Model"));
  CHECK(with(text, "model", "0") == R"({"\u006dodel":0,"q\"":1,"":2,"在":3})");
}

TEST_CASE("JsonMembers does not find what is inside of a member") {
  CHECK_FALSE(JsonMembers(R"({"a":{"model":1},"b":"\"model\":2","c":["model",{"model":3}]})").find("model"));
}

TEST_CASE("JsonMembers takes the last of several members with one name, and sets all of them") {
  const std::string_view text = R"({"model":"a","x":1,"model":"b"})";
  CHECK(JsonMembers(text).find("model") == "\"b\"");
  CHECK(with(text, "model", "\"c\"") == R"({"model":"c","x":1,"model":"c"})");
}

TEST_CASE("JsonMembers puts new members behind the others") {
  CHECK(with("{}", "a", "1") == R"({"a":1})");
  CHECK(with("{ }", "a", "1") == R"({ "a":1})");
  CHECK(with(R"({"b":{}})", "a", "1") == R"({"b":{},"a":1})");
  JsonMembers members("{}");
  members.set("a", "1");
  members.set("q\"", "{}");
  CHECK(members.bytes() == R"({"a":1,"q\"":{}})");
}

TEST_CASE("JsonMembers set twice has what was set last") {
  JsonMembers members(R"({"a":1})");
  for (const char* json : {"2", "33", "4"}) {
    members.set("a", json);
    members.set("b", json);
  }
  CHECK(members.bytes() == R"({"a":4,"b":4})");
}

TEST_CASE("JsonMembers refuses what is no JSON object") {
  for (const std::string_view text : {"",
                                      " ",
                                      "[]",
                                      "1",
                                      "null",
                                      "\"{}\"",
                                      "{",
                                      "}",
                                      "{}{}",
                                      "{} x",
                                      "{\"a\":1,}",
                                      "{\"a\"}",
                                      "{a:1}",
                                      "{'a':1}",
                                      "{\"a\":01}",
                                      "{\"a\":1.}",
                                      "{\"a\":.5}",
                                      "{\"a\":+1}",
                                      "{\"a\":1e}",
                                      "{\"a\":1e+}",
                                      "{\"a\":NaN}",
                                      "{\"a\":0x10}",
                                      "{\"a\":--1}",
                                      "{\"a\":1e400,}",
                                      "{\"a\":01e400}",
                                      "{\"a\":1e400 1}",
                                      "{\"a\":tru}",
                                      "{\"a\":\"\\x\"}",
                                      "{\"a\":\"\n\"}",
                                      "{\"\\ud800\":1}",
                                      "{\"a\":\"\xFF\"}",
                                      "{\"a\":\"\xC0\x80\"}",
                                      "{\"a\":\"\xED\xA0\x80\"}",
                                      "{/**/}",
                                      "\xEF\xBB\xBF{}"}) {
    CAPTURE(text);
    CHECK(is_refused(text));
  }
}

TEST_CASE("JsonMembers refuses every beginning of an object") {
  const std::string text = R"({"a":[1,{"b":"c\n"}],"d":-1.5e3,"e":null})";
  for (std::size_t size = 0; size < text.size(); ++size) CHECK(is_refused(text.substr(0, size)));
  CHECK_FALSE(is_refused(text));
}

TEST_CASE("JsonMembers reads values nested deeper than any stack") {
  const std::string value = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  CHECK(JsonMembers("{\"a\":" + value + "}").find("a") == value);
  CHECK(is_refused("{\"a\":" + std::string(1'000'000, '[') + "}"));
}
