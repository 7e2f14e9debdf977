// SPDX-License-Identifier: MIT
#include "bundle/npm_config.hpp"

#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "tests/catch.hpp"

using namespace opencat;

namespace {

/// A home and a project folder, and an environment that knows nothing but them.
struct Desk {
  TemporaryFolder folder{std::filesystem::temp_directory_path(), "opencat-npm-"};
  std::filesystem::path project = folder.path() / "project";
  Environment environment;

  Desk() {
    make_folders(project);
    environment.set("HOME", (folder.path() / "home").string());
  }
  void write(const char* name, const std::string& text) {
    write_file_atomically(folder.path() / name, text, FileMode::plain);
  }
  NpmConfig load(const std::string& flag = {}, const AskNpm& ask = nobody) {
    return load_npm_config(environment, project, flag, ask);
  }
  static std::optional<std::string> nobody(const std::string&) { return std::nullopt; }
};

}  // namespace

TEST_CASE("each place of npm's configuration wins over those behind it") {
  Desk desk;
  CHECK_THROWS_AS(desk.load(), Error);
  CHECK(desk.load({}, [](const std::string&) { return std::optional<std::string>("https://npm.example/"); })
            .registry == "https://npm.example");
  desk.write("global/etc/npmrc", "registry=https://global.example/");
  desk.environment.set("npm_config_prefix", (desk.folder.path() / "global").string());
  CHECK(desk.load().registry == "https://global.example");
  desk.write("home/.npmrc", "registry=https://user.example/npm/\ncafile=/ca.pem\nstrict-ssl=false\n");
  CHECK(desk.load().registry == "https://user.example/npm");
  CHECK(desk.load().ca_file == "/ca.pem");
  desk.write("project/.npmrc", "registry=https://project.example");
  CHECK(desk.load().registry == "https://project.example");
  desk.environment.set("NPM_CONFIG_REGISTRY", "https://variable.example");
  CHECK(desk.load().registry == "https://variable.example");
  CHECK(desk.load("https://flag.example/").registry == "https://flag.example");
  CHECK_THROWS_AS(desk.load("ftp://flag.example"), Error);
}

TEST_CASE("a file named by the environment is read instead of the user's") {
  Desk desk;
  desk.write("home/.npmrc", "registry=https://user.example");
  desk.write("other", "registry=https://other.example");
  desk.environment.set("npm_config_userconfig", (desk.folder.path() / "other").string());
  CHECK(desk.load().registry == "https://other.example");
}

TEST_CASE("comments, quotes and variables of an .npmrc") {
  Environment environment;
  environment.set("TOKEN", "abc");
  const auto values = parse_npmrc(
      "# registry=no\n; registry=no\r\nregistry = \"https://a.example\"\r\n"
      "//a.example/:_authToken=${TOKEN}\nunknown=${NOT_SET}x\nbroken=${TOKEN\n",
      environment);
  CHECK(values.at("registry") == "https://a.example");
  CHECK(values.at("//a.example/:_authToken") == "abc");
  CHECK(values.at("unknown") == "${NOT_SET}x");
  CHECK(values.at("broken") == "${TOKEN");
}

TEST_CASE("a token serves its own address and no other") {
  NpmConfig config;
  config.authorizations = {{"//a.example/", "Bearer all"}, {"//a.example/team/", "Bearer team"}};
  CHECK(config.authorization_for("https://a.example/x") == "Bearer all");
  CHECK(config.authorization_for("https://a.example/team/x") == "Bearer team");
  CHECK(config.authorization_for("https://a.example.evil/x").empty());
  CHECK(config.authorization_for("https://b.example/x").empty());
}

TEST_CASE("a scope has a registry of its own, and a name and password make a header as _auth does") {
  Desk desk;
  desk.write("home/.npmrc",
             "registry=https://a.example/\n@team:registry=https://team.example/npm/\n"
             "//team.example/npm/:username=li\n//team.example/npm/:_password=czNjcmV0\n"
             "//b.example/:_auth=bGk6czNjcmV0\n//c.example/:_auth=old\n//c.example/:_authToken=new\n"
             "//d.example/:username=li\n//d.example/:_password=not base64\n");
  const NpmConfig config = desk.load();
  CHECK(config.registry_of("@team/x") == "https://team.example/npm");
  CHECK(config.registry_of("@other/x") == "https://a.example");
  CHECK(config.registry_of("x") == "https://a.example");
  CHECK(config.authorization_for("https://team.example/npm/@team%2fx") == "Basic bGk6czNjcmV0");
  CHECK(config.authorization_for("https://team.example/other").empty());
  CHECK(config.authorization_for("https://b.example/x") == "Basic bGk6czNjcmV0");
  CHECK(config.authorization_for("https://c.example/x") == "Bearer new");
  CHECK(config.authorization_for("https://d.example/x").empty());
  desk.write("project/.npmrc", "@team:registry=ftp://team.example");
  CHECK_THROWS_AS(desk.load(), Error);
}

TEST_CASE("npm's proxy settings, and one for which TLS shall not be checked") {
  Desk desk;
  desk.write("home/.npmrc",
             "registry=https://a.example\nproxy=http://p.example:1\nnoproxy=b.example,c.example\n");
  CHECK(desk.load().proxy == "http://p.example:1");
  CHECK(desk.load().no_proxy == "b.example,c.example");
  CHECK(desk.load().unchecked_tls_wanted_by.empty());
  desk.write("project/.npmrc", "https-proxy=http://p.example:2\nstrict-ssl=false\n");
  CHECK(desk.load().proxy == "http://p.example:2");
  CHECK(desk.load().unchecked_tls_wanted_by == (desk.project / ".npmrc").string());
}

TEST_CASE("an npm elsewhere is told what the project's .npmrc says, unless the environment says it") {
  Desk desk;
  desk.write("project/.npmrc",
             "//a.example/:_authToken=${TOKEN}\n@team:registry=https://a.example\ncafile=/a.pem\n");
  desk.environment.set("TOKEN", "abc");
  desk.environment.set("NPM_CONFIG_CAFILE", "/b.pem");
  const Environment environment = npm_environment(desk.environment, desk.project);
  CHECK(environment.get("npm_config_//a.example/:_authToken") == "abc");
  CHECK(environment.get("npm_config_@team:registry") == "https://a.example");
  CHECK_FALSE(environment.get("npm_config_cafile"));
}
