// SPDX-License-Identifier: MIT
#include "opencat/settings.hpp"

#include <filesystem>

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "tests/catch.hpp"

using namespace opencat;
using Json = nlohmann::json;

namespace {

struct Fixture {
  std::string host = "built-in";
  std::string key;
  std::string mode;
  std::int64_t port = 1;
  std::int64_t time = 1;
  std::int64_t size = 1;
  bool demo = false;
  std::vector<std::string> models;
  Settings settings;

  Fixture() {
    settings.add({"--host", {"NEW_HOST", "OLD_HOST"}, "host", "", &host});
    settings.add_secret({"--key", {"KEY"}, "deep.key", "", &key});
    settings.add({"--mode", {}, "mode", "", &mode, Unit::none, {"open", "closed"}});
    settings.add({"--port", {"PORT"}, "port", "", &port, Unit::none, {}, 1});
    settings.add({"--time", {}, "time", "", &time, Unit::seconds});
    settings.add({"--size", {}, "", "", &size, Unit::bytes});
    settings.add({"--demo", {"DEMO"}, "demo", "", &demo});
    settings.add({"--model", {"MODELS"}, "deep.models", "", &models});
  }

  std::string mistake(const std::string& flag, const std::string& value) {
    try {
      settings.apply_flags({{flag, {value}}});
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::usage);
      return error.message();
    }
    return "taken";
  }
};

}  // namespace

TEST_CASE("each source wins over the one before it, and the origin is kept") {
  Fixture f;
  f.settings.apply_file({{"host", "file"}, {"port", 5}, {"deep", {{"models", {"a", "b"}}}}}, "x.toml");
  f.settings.apply_environment(Environment({{"OLD_HOST", "old"}, {"NEW_HOST", ""}, {"DEMO", "yes"}}));
  f.settings.apply_flags({{"--port", {"6", "7"}}, {"--time", {}}});
  CHECK(f.host == "old");
  CHECK(f.port == 7);
  CHECK(f.demo);
  CHECK(f.models == std::vector<std::string>{"a", "b"});
  CHECK(f.settings.origin_of("--host") == Origin::environment);
  CHECK(f.settings.origin_of("--port") == Origin::flag);
  CHECK(f.settings.origin_of("--model") == Origin::file);
  CHECK(f.settings.origin_of("--time") == Origin::built_in);
  f.settings.apply_environment(Environment({{"OLD_HOST", "old"}, {"NEW_HOST", "new"}, {"MODELS", "c,d"}}));
  CHECK(f.host == "new");
  CHECK(f.models == std::vector<std::string>{"c", "d"});
  CHECK(f.settings.shown().at("--host").at("origin").get<std::string>().find("NEW_HOST") !=
        std::string::npos);
}

TEST_CASE("numbers know their units") {
  Fixture f;
  const auto time = [&](const char* text) {
    f.settings.apply_flags({{"--time", {text}}});
    return f.time;
  };
  CHECK(time("90") == 90);
  CHECK(time("90s") == 90);
  CHECK(time("15m") == 900);
  CHECK(time("2H") == 7200);
  CHECK(time("30d") == 30LL * 86400);
  CHECK_THROWS_AS(time("31d"), Error);  // a timer's milliseconds must fit in 32 bits
  const auto size = [&](const char* text) {
    f.settings.apply_flags({{"--size", {text}}});
    return f.size;
  };
  CHECK(size("512KiB") == 524288);
  CHECK(size("10mib") == 10485760);
  CHECK(size("3kB") == 3000);
  CHECK(size("7B") == 7);
}

TEST_CASE("numbers are shown as people write them") {
  CHECK(with_unit(400LL * 86400, Unit::seconds) == "400d");
  CHECK(with_unit(7200, Unit::seconds) == "2h");
  CHECK(with_unit(900, Unit::seconds) == "15m");
  CHECK(with_unit(90, Unit::seconds) == "90s");
  CHECK(with_unit(0, Unit::seconds) == "0");
  CHECK(with_unit(10485760, Unit::bytes) == "10MiB");
  CHECK(with_unit(1000, Unit::bytes) == "1000");
  CHECK(with_unit(10485760, Unit::none) == "10485760");
}

TEST_CASE("a wrong value is refused with where it stands and what is wanted") {
  Fixture f;
  for (const char* value : {"", "x", "1.5", "1x", " 1", "1 ", "0x10", "99999999999999999999", "5m"}) {
    CHECK(f.mistake("--port", value) == "--port wants a whole number, not '" + std::string(value) + "'");
  }
  CHECK(f.mistake("--port", "0") == "--port wants at least 1, not '0'");
  CHECK(f.mistake("--port", "-5") == "--port wants at least 1, not '-5'");
  CHECK(f.mistake("--time", "31d") == "--time wants at most 30d, not '31d'");
  CHECK(f.mistake("--time", "9223372036854775807") == "--time wants at most 30d, not '9223372036854775807'");
  CHECK(f.mistake("--time", "5 years").find("15m") != std::string::npos);
  CHECK(f.mistake("--time", "9223372036854775807d") ==
        "--time wants a smaller number, not '9223372036854775807d'");
  CHECK(f.mistake("--mode", "opne") == "--mode wants one of open, closed (did you mean open?), not 'opne'");
  CHECK(f.mistake("--demo", "maybe") == "--demo wants true or false, not 'maybe'");
  CHECK(f.port == 1);
}

TEST_CASE("a secret is never shown, in a mistake or a table") {
  Fixture f;
  f.settings.apply_flags({{"--key", {"hush-hush"}}});
  CHECK(f.key == "hush-hush");
  CHECK(f.settings.shown().dump().find("hush") == std::string::npos);
  CHECK(f.settings.shown().at("--key").at("value") == "********");
  CHECK(Fixture().settings.shown().at("--key").at("value") == "");
}

TEST_CASE("a file's value must be of the right kind, and is named by its key") {
  for (const Json& config :
       {Json{{"port", 1.5}}, Json{{"host", Json::object({{"a", 1}})}}, Json{{"host", Json::array()}},
        Json{{"deep", {{"models", {Json::array({1})}}}}}}) {
    Fixture f;
    try {
      f.settings.apply_file(config, "x.toml");
      FAIL(config.dump());
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::usage);
      CHECK(error.message().rfind("x.toml: ", 0) == 0);
    }
  }
}

TEST_CASE("TOML is read, and its mistakes have a line") {
  const TemporaryFolder folder(std::filesystem::temp_directory_path(), "opencat-toml-");
  const auto file = folder.path() / "x.toml";
  write_file_atomically(file, "a = \"\xC3\xA9\"\n[b]\nc = [1, true]\n", FileMode::plain);
  CHECK(read_toml(file) == Json{{"a", "\xC3\xA9"}, {"b", {{"c", {1, true}}}}});
  write_file_atomically(file, "a = 1\nb = \n", FileMode::plain);
  try {
    read_toml(file);
    FAIL("it was read");
  } catch (const Error& error) {
    CHECK(error.message().find("line 2") != std::string::npos);
  }
}
