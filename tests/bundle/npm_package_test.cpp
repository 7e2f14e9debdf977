// SPDX-License-Identifier: MIT
#include "bundle/npm_package.hpp"

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "tests/catch.hpp"

using namespace opencat;
using Json = nlohmann::json;

namespace {

Json document() {
  Json versions;
  for (const char* version : {"1.0.0", "1.2.0", "1.10.0", "2.0.0", "2.0.1-rc.1"}) {
    versions[version] = {{"dist", {{"tarball", version}, {"integrity", "sha1-x sha512-abc?opt"}}}};
  }
  versions["1.10.0"]["deprecated"] = "broken";
  return {{"dist-tags", {{"latest", "1.2.0"}, {"next", "2.0.1-rc.1"}}}, {"versions", versions}};
}

std::string chosen(const std::string& text) {
  return choose_release(document(), NpmWish::parse(text)).version_text;
}

}  // namespace

TEST_CASE("a wish is a name, and a version, tag or range behind its last at sign") {
  CHECK(NpmWish::parse("cowsay").text() == "cowsay@latest");
  CHECK(NpmWish::parse("cowsay@").text() == "cowsay@latest");
  CHECK(NpmWish::parse("@scope/x").text() == "@scope/x@latest");
  CHECK(NpmWish::parse("@scope/x@^2").text() == "@scope/x@^2");
  CHECK(NpmWish::parse("x@>=1 <2").wanted == ">=1 <2");
  for (const char* wrong :
       {"", "@", "@scope", "@scope/", "@/x", "a/b", "..", "@../x", "a b", "x\ny", ".x", "_x"}) {
    INFO(wrong);
    CHECK_THROWS_AS(NpmWish::parse(wrong), Error);
  }
  CHECK_THROWS_AS(NpmWish::parse(std::string(215, 'a')), Error);
}

TEST_CASE("versions, tags and ranges are taken as npm takes them") {
  CHECK(chosen("x") == "1.2.0");
  CHECK(chosen("x@next") == "2.0.1-rc.1");
  CHECK(chosen("x@1.0.0") == "1.0.0");
  CHECK(chosen("x@2.0.1-rc.1") == "2.0.1-rc.1");
  CHECK(chosen("x@^1") == "1.2.0");  // `latest` is within
  CHECK(chosen("x@*") == "1.2.0");
  CHECK(chosen("x@>1.2.0") == "2.0.0");    // a deprecated 1.10.0 counts less, a pre-release not
  CHECK(chosen("x@~1.10.0") == "1.10.0");  // deprecated, but all there is
  for (const char* wrong : {"x@3", "x@nightly", "x@2.0.1"}) {
    INFO(wrong);
    CHECK_THROWS_AS(chosen(wrong), Error);
  }
}

TEST_CASE("what a registry says of a release is taken only in its form") {
  CHECK(choose_release(document(), NpmWish::parse("x")).sha512 == "abc");
  CHECK_THROWS_AS(choose_release(Json::array(), NpmWish::parse("x")), Error);
  CHECK_THROWS_AS(choose_release({{"versions", {{"1.0.0", 1}}}}, NpmWish::parse("x")), Error);
  // A version becomes part of a file's name.
  const Json hostile{{"dist-tags", {{"latest", "../../x"}}}, {"versions", {{"../../x", Json::object()}}}};
  CHECK_THROWS_AS(choose_release(hostile, NpmWish::parse("x")), Error);
  const Json bare{{"versions", {{"1.0.0", 1}}}};
  CHECK(choose_release(bare, NpmWish::parse("x@1.0.0")).sha512.empty());
}
