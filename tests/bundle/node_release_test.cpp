// SPDX-License-Identifier: MIT
#include "bundle/node_release.hpp"

#include "opencat/error.hpp"
#include "tests/catch.hpp"

using namespace opencat;

namespace {

Time on(int year, unsigned month, unsigned day) {
  return std::chrono::sys_days(std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day));
}

std::vector<NodeRelease> offered(Time now) {
  const NodeSchedule schedule(now);
  std::vector<NodeRelease> releases;
  for (const char* text : {"18.20.8", "20.18.1", "22.23.2", "23.5.0", "24.1.0", "26.2.0"}) {
    releases.push_back(schedule.describe(*parse_version(text)));
  }
  return releases;
}

std::string chosen(const char* wish, Time now) {
  return NodeWish(wish).choose(offered(now), "a list").version.text();
}

}  // namespace

TEST_CASE("lts is the newest line whose day has come") {
  CHECK(chosen("lts", on(2024, 10, 28)) == "20.18.1");
  CHECK(chosen("lts", on(2024, 10, 29)) == "22.23.2");
  CHECK(chosen("lts", on(2025, 10, 27)) == "22.23.2");
  CHECK(chosen("lts", on(2026, 1, 1)) == "24.1.0");
  CHECK(chosen("latest", on(2024, 1, 1)) == "26.2.0");
  CHECK(chosen("lts/Jod", on(2026, 1, 1)) == "22.23.2");
  CHECK(chosen("^18", on(2026, 1, 1)) == "18.20.8");
  CHECK(chosen("lts/lithium", on(2026, 10, 28)) == "26.2.0");
}

TEST_CASE("the words that nvm, fnm and n know") {
  const Time now = on(2026, 1, 1);
  for (const char* word : {"latest", "current", "node", "stable", "Latest "}) {
    INFO(word);
    CHECK(chosen(word, now) == "26.2.0");
  }
  for (const char* word : {"lts", "lts/*", "lts-latest", "LTS/-0"}) {
    INFO(word);
    CHECK(chosen(word, now) == "24.1.0");
  }
  CHECK(chosen("lts/-1", now) == "22.23.2");
  CHECK(chosen("lts/-3", now) == "18.20.8");
  CHECK_THROWS_AS(chosen("lts/-4", now), Error);
  CHECK(chosen("lts-jod", now) == "22.23.2");
  CHECK(chosen("20 - 23", now) == "23.5.0");
  for (const char* word : {"system", "iojs", "", "lts/", "22 or so"}) {
    INFO(word);
    CHECK_THROWS_AS(NodeWish(word), Error);
  }
}

TEST_CASE("a package's wide range takes an LTS rather than what is newest") {
  const auto preferred = [](const char* range) {
    return NodeWish(range, "package.json", NodeWish::Prefer::lts)
        .choose(offered(on(2026, 1, 1)), "a list")
        .version.text();
  };
  CHECK(preferred(">=18") == "24.1.0");
  CHECK(preferred(">=18 <24") == "22.23.2");
  CHECK(preferred("23") == "23.5.0");
}

TEST_CASE("a wish that nothing fits names what is near") {
  const auto message = [](const char* wish) -> std::string {
    try {
      NodeWish(wish).choose(offered(on(2026, 1, 1)), "a list");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::usage);
      return error.what();
    }
    return "nothing was thrown";
  };
  CHECK(message("22.99").find("22.23.2") != std::string::npos);
  CHECK(message("19").find("26.2.0, 24.1.0") != std::string::npos);
  CHECK(message("lts/krypto").find("lts/krypton") != std::string::npos);
  CHECK_THROWS_AS(NodeWish("later"), Error);
}

TEST_CASE("each Node's npm major; newer Nodes get the newest known") {
  const NodeSchedule schedule(on(2026, 1, 1));
  CHECK(schedule.npm_major(22) == 10);
  CHECK(schedule.npm_major(24) == 11);
  CHECK(schedule.npm_major(99) == 11);
}
