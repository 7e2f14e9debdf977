// SPDX-License-Identifier: MIT
#include "opencat/file_names.hpp"

#include "tests/catch.hpp"

using namespace opencat;

TEST_CASE("names that stay where they belong, and names that do not") {
  for (const char* name :
       {"a", "a/b.txt", "说明/.x", "a..b/..c", "console", "com10", "nul-x", "a b", "lpt"}) {
    CAPTURE(name);
    CHECK(is_safe_relative_path(name));
  }
  for (const char* name :
       {"", "/a", "..", "a/../b", "./a", "a//b", "a/", "a\\b", "C:a", "a\nb", "a/..", "a\x7f"}) {
    CAPTURE(name);
    CHECK_FALSE(is_safe_relative_path(name));
  }
  CHECK(is_safe_relative_path(std::string(255, 'x')));
  CHECK_FALSE(is_safe_relative_path(std::string(256, 'x')));
  std::string deep = "a";
  while (deep.size() < 999) deep += "/a";
  CHECK(is_safe_relative_path(deep));
  CHECK_FALSE(is_safe_relative_path(deep + "/a"));
}

TEST_CASE("names that are something else on Windows") {
  for (const char* name :
       {"nul", "a/CON", "Aux.js", "com1.tar.gz", "LPT¹.txt", "prn .txt", "CONIN$", "a.", "a /b"}) {
    CAPTURE(name);
    CHECK_FALSE(is_safe_relative_path(name));
  }
}

TEST_CASE("a name's place is taken for every case of its letters, and a file's for a folder") {
  TakenNames taken;
  CHECK_FALSE(taken.take_file("lib/Ärger.txt"));
  CHECK(taken.take_file("lib/äRGER.TXT") == "lib/Ärger.txt");
  CHECK(taken.take_file("LIB/ärger.txt") == "lib/Ärger.txt");
  CHECK(taken.take_file("lib/ärger.txt/x") == "lib/Ärger.txt");
  CHECK(taken.take_folder("lib/ärger.txt") == "lib/Ärger.txt");
  CHECK(taken.take_file("Lib") == "lib");
  CHECK_FALSE(taken.take_folder("lib"));
  CHECK_FALSE(taken.take_folder("LIB"));
  CHECK_FALSE(taken.take_file("lib/\xff"));
  CHECK(taken.take_file("lib/\xff"));
}
