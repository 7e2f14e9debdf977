// SPDX-License-Identifier: MIT
#include <atomic>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "commands/command.hpp"
#include "commands/serve_settings.hpp"
#include "commands/succession.hpp"
#include "opencat/error.hpp"
#include "opencat/platform.hpp"

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

  void declare(Settings& settings) override { settings_.declare(settings); }

  std::filesystem::path default_config_file() const override { return settings_.data_dir() / "opencat.toml"; }

  void run(Context& context) override {
    raise_open_file_limit();
    // Lines come from several threads.
    const auto mutex = std::make_shared<std::mutex>();
    const std::filesystem::path program = running_program();
    const Inheritance from = inheritance(context.environment);
    ServerOptions options = settings_.options(context.environment);
    options.inherited = from.sockets;
    // The opencat before must be gone before its database is changed.
    if (from.predecessor >= 0 && Server::would_migrate(options)) tell_predecessor(from, Handover::after);
    Server server(options, context.clock, context.entropy, [&context, mutex](const std::string& line) {
      const std::lock_guard lock(*mutex);
      context.output.say(iso8601(context.clock.now()) + " " + line);
    });
    const ServerAddresses addresses = server.start();
    // Of the successor; a signal's own thread must be free for the next one.
    std::jthread upgrade;
    std::atomic<bool> upgrading{false};
    // Before anyone is told that it serves: whoever hears that may send a signal at once.
    context.interrupt.on_hangup([&] { reload(context, server); });
    context.interrupt.on_upgrade([&] {
      if (upgrading.exchange(true))
        return context.output.say("SIGUSR2: the next opencat is starting already");
      upgrade = std::jthread([&](const std::stop_token& stop) {
        const std::string problem = make_place(context, server, program, stop);
        if (problem.empty()) return;
        // Before it is told, for then it may be tried again.
        upgrading = false;
        context.output.say("SIGUSR2: " + problem + "; this one goes on");
      });
    });
    context.output.result(document(addresses), text(addresses));
    tell_predecessor(from, Handover::beside);
    notify_manager(context.environment, "READY=1");
    server.run(context.stop);
    context.interrupt.on_hangup({});
    context.interrupt.on_upgrade({});
    context.output.say("stopped; all counts are on disk");
  }

 private:
  /// Has another process take the server's place; what went wrong, which changes nothing, or "".
  static std::string make_place(Context& context, Server& server, const std::filesystem::path& program,
                                const std::stop_token& stop) {
    try {
      if (program.empty()) throw Error(ErrorKind::failed, "this system cannot hand sockets over; restart it");
      if (is_first_process()) {
        throw Error(
            ErrorKind::failed,
            "a container ends with its first process: start one of the new image, then stop this one");
      }
      const ProgramStart start{program, context.words, context.environment};
      const Successor successor = start_successor(start, server.sockets(), stop);
      const std::string process = std::to_string(successor.process);
      notify_manager(context.environment, "MAINPID=" + process);
      context.output.say("SIGUSR2: process " + process +
                         (successor.how == Handover::beside
                              ? " serves now; this one ends with its last stream"
                              : " brings the data up to date when this one has ended"));
      server.hand_over(successor.how);
      return {};
    } catch (const Error& error) {
      return error.message();
    }
  }

  /// A file that cannot be used changes nothing.
  static void reload(Context& context, Server& server) {
    try {
      ServeSettings fresh;
      Settings settings;
      fresh.declare(settings);
      context.fill_again(settings);
      server.reload(fresh.options(context.environment));
    } catch (const Error& error) {
      context.output.say("SIGHUP: " + error.message() + "; nothing was changed");
    }
  }

  static Json document(const ServerAddresses& addresses) {
    Json result{{"url", addresses.url}, {"public_url", addresses.public_url}};
    if (!addresses.ops_url.empty()) result["ops_url"] = addresses.ops_url;
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
    if (!addresses.ops_url.empty()) lines += "  probes:         " + addresses.ops_url + "/readyz, /metrics\n";
    if (!addresses.admin_secret_file.empty()) {
      lines += "  admin secret:   in " + addresses.admin_secret_file.string() + "\n";
    }
    return lines;
  }

  ServeSettings settings_;
};

}  // namespace

std::unique_ptr<Command> make_serve_command() { return std::make_unique<ServeCommand>(); }

}  // namespace opencat
