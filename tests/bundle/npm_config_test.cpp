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
