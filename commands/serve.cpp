// SPDX-License-Identifier: MIT
#include <mutex>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "commands/command.hpp"
#include "opencat/error.hpp"
#include "opencat/platform.hpp"
#include "server/server.hpp"

namespace opencat {

using Json = nlohmann::json;

namespace {

class ServeCommand : public Command {
 public:
  CommandHelp help() const override {
    return {"serve",
            "Issue tokens, relay chat to a language model, serve the pages",
            {"opencat serve --demo                         # try everything, with no account anywhere",
             "OPENCAT_UPSTREAM_KEY=… opencat serve --upstream-url https://api.example.com/v1 \\",
             "      --upstream-model some-model --public-url https://chat.example.com",
             "opencat serve --port 0 --json                # any free port, told as JSON"}};
  }

  void declare(Settings& settings) override {
    settings.add({"--host", {"OPENCAT_HOST"}, "host", "Listen on this address", &options_.host});
    settings.add({"--port", {"OPENCAT_PORT"}, "port", "Listen on this port; 0 picks one", &port_});
    settings.add({"--public-url",
                  {"OPENCAT_PUBLIC_URL"},
                  "public_url",
                  "Where users reach this server; it may have a path",
                  &options_.public_url});
    settings.add(
        {"--data-dir", {"OPENCAT_DATA_DIR"}, "", "The folder of the database and the secrets", &data_dir_});
    settings.add(
        {"--demo", {"OPENCAT_DEMO"}, "demo", "Answer from a built-in demonstration", &options_.demo});
    declare_upstream(settings);
    declare_secrets(settings);
    declare_limits(settings);
  }

  std::filesystem::path default_config_file() const override {
    return std::filesystem::path(data_dir_) / "opencat.toml";
  }

  void run(Context& context) override {
    finish_options();
    raise_open_file_limit();
    // Lines come from several threads.
    const auto mutex = std::make_shared<std::mutex>();
    Server server(std::move(options_), context.clock, context.entropy,
                  [&context, mutex](const std::string& line) {
                    const std::lock_guard lock(*mutex);
                    context.output.say(iso8601(context.clock.now()) + " " + line);
                  });
    const ServerAddresses addresses = server.start();
    context.output.result(document(addresses), text(addresses));
    server.run(context.stop);
    context.output.say("stopped; all counts are on disk");
  }

 private:
  void declare_upstream(Settings& settings) {
    settings.add({"--upstream-url",
                  {"OPENCAT_UPSTREAM_URL"},
                  "upstream.url",
                  "The base URL of an OpenAI-compatible API, as https://api.example.com/v1",
                  &options_.upstream.url});
    settings.add_secret(
        {"--upstream-key", {"OPENCAT_UPSTREAM_KEY"}, "upstream.key", "Its key", &options_.upstream.key});
    settings.add({"--upstream-model",
                  {"OPENCAT_UPSTREAM_MODEL"},
                  "upstream.models",
                  "A model it offers; the first is the default (repeatable)",
                  &options_.upstream.models});
    settings.add({"--connect-timeout",
                  {},
                  "upstream.connect_timeout",
                  "Time to connect to it",
                  &connect_timeout_s_,
                  Unit::seconds,
                  {},
                  1});
    settings.add({"--first-byte-timeout",
                  {},
                  "upstream.first_byte_timeout",
                  "Time to its first byte",
                  &first_byte_timeout_s_,
                  Unit::seconds,
                  {},
                  1});
    settings.add({"--idle-timeout",
                  {},
                  "upstream.idle_timeout",
                  "Time between two bytes of a stream; its length has no limit",
                  &idle_timeout_s_,
                  Unit::seconds,
                  {},
                  1});
  }

  void declare_secrets(Settings& settings) {
    settings.add_secret({"--admin-secret",
                         {"OPENCAT_ADMIN_SECRET"},
                         "admin_secret",
                         "The admin's secret; made and kept in the data folder unless given",
                         &options_.admin_secret});
    settings.add({"--enrollment",
                  {"OPENCAT_ENROLLMENT"},
                  "enrollment",
                  "Who may get a token; key unless --demo, then open",
                  &enrollment_,
                  Unit::none,
                  {"open", "key", "closed"}});
    settings.add_secret({"--enroll-key",
                         {"OPENCAT_ENROLL_KEY"},
                         "enroll_key",
                         "The enrolment key; made and kept in the data folder unless given",
                         &options_.enroll_key});
  }

  void declare_limits(Settings& settings) {
    settings.add({"--daily-limit",
                  {"OPENCAT_DAILY_LIMIT"},
                  "limits.daily",
                  "Requests a day for each new token",
                  &options_.limits.daily});
    settings.add({"--monthly-limit",
                  {"OPENCAT_MONTHLY_LIMIT"},
                  "limits.monthly",
                  "Requests a month for each new token",
                  &options_.limits.monthly});
    settings.add({"--rpm-limit",
                  {"OPENCAT_RPM_LIMIT"},
                  "limits.per_minute",
                  "Requests of a token in any 60 seconds",
                  &per_minute_,
                  Unit::none,
                  {},
                  1});
    settings.add({"--max-body",
                  {"OPENCAT_MAX_BODY"},
                  "limits.body",
                  "The longest request body",
                  &max_body_,
                  Unit::bytes,
                  {},
                  1024});
    settings.add({"--max-connections",
                  {"OPENCAT_MAX_CONNECTIONS"},
                  "limits.connections",
                  "Connections at once; beyond it, 503",
                  &max_connections_,
                  Unit::none,
                  {},
                  1});
    settings.add({"--utc-offset",
                  {"OPENCAT_UTC_OFFSET"},
                  "limits.utc_offset",
                  "Minutes east of UTC at which a quota's day begins (480 for China)",
                  &utc_offset_,
                  Unit::none,
                  {},
                  -24 * 60});
    settings.add({"--loops",
                  {"OPENCAT_LOOPS"},
                  "loops",
                  "Threads that drive connections",
                  &loops_,
                  Unit::none,
                  {},
                  1});
    settings.add({"--drain-timeout",
                  {"OPENCAT_DRAIN_TIMEOUT"},
                  "drain_timeout",
                  "Time for streams to end after Ctrl-C or SIGTERM",
                  &drain_timeout_s_,
                  Unit::seconds});
  }

  void finish_options() {
    if (port_ > 65535) throw Error(ErrorKind::usage, "--port wants a number up to 65535");
    if (options_.demo && !options_.upstream.url.empty()) {
      throw Error(ErrorKind::usage, "--demo answers by itself: leave --upstream-url away, or --demo");
    }
    if (!options_.upstream.url.empty() && options_.upstream.models.empty()) {
      throw Error(ErrorKind::usage,
                  "--upstream-url wants at least one --upstream-model, the model that 'auto' means");
    }
    options_.port = static_cast<int>(port_);
    options_.data_dir = data_dir_;
    const std::string mode = enrollment_.empty() ? (options_.demo ? "open" : "key") : enrollment_;
    options_.enrollment = mode == "open"     ? routes::EnrollmentMode::open
                          : mode == "closed" ? routes::EnrollmentMode::closed
                                             : routes::EnrollmentMode::key;
    options_.upstream.limits = {static_cast<std::uint32_t>(connect_timeout_s_ * 1000),
                                static_cast<std::uint32_t>(first_byte_timeout_s_ * 1000),
                                static_cast<std::uint32_t>(idle_timeout_s_ * 1000)};
    options_.requests_per_minute = static_cast<std::size_t>(per_minute_);
    options_.max_body_bytes = static_cast<std::uint64_t>(max_body_);
    options_.max_connections = static_cast<std::size_t>(max_connections_);
    options_.utc_offset = std::chrono::minutes(utc_offset_);
    options_.loops = static_cast<std::size_t>(loops_);
    options_.drain_timeout = std::chrono::seconds(drain_timeout_s_);
  }

  static Json document(const ServerAddresses& addresses) {
    Json result{{"url", addresses.url}, {"public_url", addresses.public_url}};
    if (!addresses.chat_url.empty()) result["chat_url"] = addresses.chat_url;
    if (!addresses.admin_secret_file.empty())
      result["admin_secret_file"] = addresses.admin_secret_file.string();
    if (!addresses.enroll_key_file.empty()) result["enroll_key_file"] = addresses.enroll_key_file.string();
    return result;
  }

  static std::string text(const ServerAddresses& addresses) {
    std::string lines = "opencat serves " + addresses.public_url;
    if (addresses.public_url != addresses.url) lines += " (listening on " + addresses.url + ")";
    lines += "\n";
    if (!addresses.chat_url.empty()) lines += "  chat:           " + addresses.chat_url + "\n";
    if (!addresses.admin_secret_file.empty()) {
      lines += "  admin secret:   in " + addresses.admin_secret_file.string() + "\n";
    }
    return lines;
  }

  ServerOptions options_;
  std::filesystem::path data_dir_ = "opencat-data";
  std::string enrollment_;
  std::int64_t port_ = 3000;
  std::int64_t per_minute_ = 20;
  std::int64_t max_body_ = 10 << 20;
  std::int64_t max_connections_ = 10'000;
  std::int64_t utc_offset_ = 0;
  std::int64_t loops_ = 2;
  std::int64_t drain_timeout_s_ = 30;
  std::int64_t connect_timeout_s_ = 10;
  std::int64_t first_byte_timeout_s_ = 120;
  std::int64_t idle_timeout_s_ = 120;
};

}  // namespace

std::unique_ptr<Command> make_serve_command() { return std::make_unique<ServeCommand>(); }

}  // namespace opencat
