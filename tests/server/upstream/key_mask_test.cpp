// SPDX-License-Identifier: MIT
#include "server/upstream/key_mask.hpp"

#include "tests/catch.hpp"

using namespace opencat;

TEST_CASE("a key is masked whole and as upstreams quote it") {
  const std::string key = "sk-proj-abcdefghijklmnop1234";
  const auto masked = [&](const std::string& text) { return without_key(text, key); };
  CHECK(masked("Incorrect API key provided: " + key + ".") == "Incorrect API key provided: [key].");
  CHECK(masked("provided: sk-proj-********************1234. You can") == "provided: [key] You can");
  CHECK(masked("\"sk-p...1234\"") == "\"[key]\"");
  CHECK(masked("key=sk-*****1234") == "key=[key]");
  CHECK(masked(key + key) == "[key][key]");
}

TEST_CASE("what is no key stays as it is") {
  const std::string key = "sk-proj-abcdefghijklmnop1234";
  for (const char* text : {"", "wait...", "sk-other-1234", "**bold** s*x", "a.b.c", "{\"error\":\"sk\"}"}) {
    CHECK(without_key(text, key) == text);
  }
  CHECK(without_key("no key, nothing to mask ***", "") == "no key, nothing to mask ***");
}
