// SPDX-License-Identifier: MIT
#include "bundle/semver.hpp"

#include "tests/catch.hpp"

using namespace opencat;

namespace {

bool fits(const char* range, const char* version) {
  const auto parsed = VersionRange::parse(range);
  REQUIRE(parsed);
  return parsed->contains(*parse_version(version));
}

}  // namespace

TEST_CASE("versions are three numbers, with or without v") {
  CHECK(parse_version("v22.14.0")->text() == "22.14.0");
  for (const char* text :
       {"", "22", "22.14", "22.14.0-rc.1", "22.14.x", "a.b.c", "-1.0.0", "1.0.99999999999"}) {
    CHECK_FALSE(parse_version(text));
  }
  CHECK(*parse_version("9.10.0") > *parse_version("9.9.9"));
}

TEST_CASE("ranges in npm's notation") {
  CHECK(fits("22", "22.0.0"));
  CHECK_FALSE(fits("22", "23.0.0"));
  CHECK(fits("22.14", "22.14.9"));
  CHECK_FALSE(fits("22.14", "22.15.0"));
  CHECK(fits("22.x", "22.99.0"));
  CHECK(fits("^22.3", "22.99.0"));
  CHECK_FALSE(fits("^22.3", "22.2.9"));
  CHECK_FALSE(fits("^0.2.3", "0.3.0"));
  CHECK_FALSE(fits("^0.0.3", "0.0.4"));
  CHECK(fits("~22.3", "22.3.7"));
  CHECK_FALSE(fits("~22.3", "22.4.0"));
  CHECK(fits("~22", "22.4.0"));
  CHECK(fits(">=20.5.0 <23", "22.1.0"));
  CHECK_FALSE(fits(">=20.5.0 <23", "23.0.0"));
  CHECK(fits("> 22.1", "22.2.0"));
  CHECK_FALSE(fits(">22.1", "22.1.5"));
  CHECK(fits("<=22.1", "22.1.5"));
  CHECK(fits("*", "1.2.3"));
  CHECK(fits("^18.17.0 || >=20.5.0", "20.5.0"));
  CHECK_FALSE(fits("^18.17.0 || >=20.5.0", "19.9.0"));
  CHECK(fits("18.17 - 20", "18.17.0"));
  CHECK(fits("18.17 - 20", "20.99.0"));
  CHECK_FALSE(fits("18.17 - 20", "18.16.9"));
  CHECK_FALSE(fits("18.17 - 20", "21.0.0"));
  CHECK(fits("16 || 18 - 20.1", "20.1.9"));
  for (const char* text : {"18 -20", "18 - ", " - 20", "18 - 20 - 22", "^18 - 20"}) {
    INFO(text);
    CHECK_FALSE(VersionRange::parse(text));
  }
  for (const char* text : {"nonsense", "^^22", "22.", "1.2.3.4", ">=1 || lts"}) {
    CHECK_FALSE(VersionRange::parse(text));
  }
}
