// SPDX-License-Identifier: MIT
#include "bundle/bundle_content.hpp"

#include "opencat/error.hpp"
#include "tests/catch.hpp"

using namespace opencat;

TEST_CASE("names that some system could not unpack are refused, wildcards where Windows is the target") {
  const Platform linux_pc = parse_platform("linux-x64");
  const Platform windows = parse_platform("win-x64");
  CHECK_NOTHROW(check_names({"a", "b/说明.txt", "b/what?"}, linux_pc));
  CHECK_THROWS_AS(check_names({"b/what?"}, windows), Error);
  for (const char* name : {"aux.js", "a/../b", "dot.", "c:d"}) {
    CHECK_THROWS_AS(check_names({name}, linux_pc), Error);
  }
  try {
    check_names({"lib/README", "other", "lib/Readme"}, linux_pc);
    FAIL("two names that differ in case alone");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::usage);
    CHECK(error.message().find("lib/README") != std::string::npos);
    CHECK(error.message().find("lib/Readme") != std::string::npos);
  }
}

TEST_CASE("a path is too long when a usual user folder before it brings it beyond 259 UTF-16 units") {
  // C:\Users\ and 20 characters, \Downloads\, the zip's name and the folder in it: 84.
  CHECK_FALSE(too_long_for_windows({"short", std::string(175, 'x')}));
  CHECK(too_long_for_windows({"short", std::string(176, 'x')}) == std::string(176, 'x'));
  std::string chinese;
  for (int i = 0; i < 175; ++i) chinese += "说";
  CHECK_FALSE(too_long_for_windows({chinese}));
  std::string emoji;
  for (int i = 0; i < 88; ++i) emoji += "😀";
  CHECK(too_long_for_windows({emoji}));
}
