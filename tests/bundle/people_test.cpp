// SPDX-License-Identifier: MIT
#include "bundle/people.hpp"

#include "opencat/error.hpp"
#include "tests/catch.hpp"

using namespace opencat;

namespace {

std::vector<std::string> folders(const std::string& csv) {
  std::vector<std::string> names;
  for (const Person& person : read_people(csv, "people.csv")) names.push_back(person.folder);
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a header names the column of labels; without one it is the first") {
  CHECK(folders("A,x\nB,y\n") == Names{"A", "B"});
  CHECK(folders("x, LABEL \n1,A\n2,B") == Names{"A", "B"});
  CHECK(folders("\xef\xbb\xbf姓名\r\n李伟\r\n") == Names{"李伟"});
  CHECK(folders("\"A\"\"B\"\n\"one, two\"") == Names{"A-B", "one-two"});
}

TEST_CASE("a header may name a column of plans, and who has nothing there gets the one for all") {
  const auto plans = [](const std::string& csv) { return plans_of(read_people(csv, "people.csv", "all")); };
  CHECK(plans("name,PLAN\nA,x\nB, \nC\n") == Names{"x", "all", "all"});
  CHECK(plans("套餐,姓名\nx,A\n") == Names{"x"});
  // Without a row of names it is only a word.
  CHECK(plans("A,plan\nB,x\n") == Names{"all", "all"});
  CHECK(plans_of(numbered_people(2, "", "x")) == Names{"x", "x"});
  CHECK_THROWS_AS(plans("name,plan\nA,x\ay\n"), Error);
}

TEST_CASE("every folder is a name that every system takes, and another than all others") {
  CHECK(folders("con\nCOM1\n...\n a/b\\c:d \n-x-\n") ==
        Names{"user-con", "user-COM1", "user", "a-b-c-d", "x"});
  CHECK(folders("A\na\nA-2\nA\n") == Names{"A", "a-2", "A-2-2", "A-3"});
  const std::string longest = folders(std::string(66, 'x') + "\n").front();
  CHECK(longest.size() == 60);
  // No character is cut in half.
  CHECK(folders("x长长长长长长长长长长长长长长长长长长长长长长长长\n").front().size() == 58);
}

TEST_CASE("people without names are counted, so that their names sort as numbers do") {
  const auto people = numbered_people(10, "Class 3A");
  CHECK(people.front().label == "Class 3A 01");
  CHECK(people.back().folder == "Class-3A-10");
  CHECK(numbered_people(1, "").front().label == "user 1");
  CHECK_THROWS_AS(numbered_people(0, ""), Error);
}

TEST_CASE("a cell of a CSV file is quoted where it must be, and never a formula") {
  CHECK(csv_cell("plain") == "plain");
  CHECK(csv_cell("a,\"b\"\n") == "\"a,\"\"b\"\"\n\"");
  CHECK(csv_cell("=1+1") == "'=1+1");
  CHECK(csv_cell("@x,y") == "\"'@x,y\"");
}
