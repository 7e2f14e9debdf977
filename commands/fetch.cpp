// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "commands/command.hpp"
#include "commands/runtime_settings.hpp"
#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace {

using Json = nlohmann::json;

class Fetch : public Command {
 public:
  CommandHelp help() const override {
    return {
        "fetch",
        "Fetch Node runtimes into the cache, verified",
        {"opencat fetch", "opencat fetch --platform all --node-version 22",
         "opencat fetch --platform win-x64 --mirror https://mirror.example/node", "opencat fetch --list"}};
  }

  void declare(Settings& settings) override {
    runtimes_.declare(settings);
    settings.add({"--list", {}, "", "Show what is cached", &list_});
    settings.add({"--verify", {}, "", "Check what is cached against its checksums", &verify_});
    settings.add({"--prune",
                  {},
                  "",
                  "Remove damaged runtimes, and all but the newest of each major and platform",
                  &prune_});
  }

  void run(Context& context) override {
    RuntimeCache cache(runtimes_.chosen_cache(context));
    if (prune_) return prune(context, cache);
    if (verify_) return verify(context, cache);
    if (list_) return show(context, cache.list(), Json::object());
    const NodeWish wish(runtimes_.node_version);
    const std::vector<Platform> platforms = runtimes_.chosen_platforms();
    RuntimeFetcher fetcher(cache, runtimes_.plan(context), context.clock, context.output.progress());
    show(context, fetcher.fetch(platforms, wish, context.stop), Json::object());
  }

 private:
  static void show(Context& context, const std::vector<Runtime>& runtimes, Json document) {
    document["runtimes"] = Json::array();
    std::vector<std::vector<std::string>> rows{{"PLATFORM", "NODE", "NPM", "SIZE", "VERIFIED", "FOLDER"}};
    for (const Runtime& runtime : runtimes) {
      document["runtimes"].push_back(runtime_json(runtime));
      rows.push_back({runtime.platform.name(), runtime.version.text(), runtime.npm_version,
                      human_size(runtime.bytes), runtime.verified + " (" + runtime.source + ")",
                      runtime.path.string()});
    }
    context.output.result(document, runtimes.empty() ? "nothing is cached\n" : table(rows));
  }

  static void verify(Context& context, RuntimeCache& cache) {
    const std::vector<Runtime> runtimes = cache.list();
    for (const Runtime& runtime : runtimes) {
      cache.verify(runtime, context.stop);
      context.output.say("whole: Node " + runtime.version.text() + " for " + runtime.platform.name());
    }
    show(context, runtimes, Json::object());
  }

  static void prune(Context& context, RuntimeCache& cache) {
    std::vector<std::string> kept;
    Json removed = Json::array();
    cache.remove_leftovers();
    for (const Runtime& runtime : cache.list()) {
      const auto lock =
          cache.lock(runtime.version, runtime.platform, context.output.progress(), context.stop);
      const std::string line = runtime.platform.name() + " " + std::to_string(runtime.version.major);
      if (!contains(kept, line) && is_whole(context, cache, runtime)) {
        kept.push_back(line);
        continue;
      }
      cache.remove(runtime);
      removed.push_back(runtime_json(runtime));
      context.output.say("removed Node " + runtime.version.text() + " for " + runtime.platform.name());
    }
    show(context, cache.list(), {{"removed", removed}});
  }

  static bool is_whole(Context& context, const RuntimeCache& cache, const Runtime& runtime) {
    try {
      cache.verify(runtime, context.stop);
      return true;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::integrity) throw;
      return false;
    }
  }

  RuntimeSettings runtimes_;
  bool list_ = false;
  bool verify_ = false;
  bool prune_ = false;
};

}  // namespace

std::unique_ptr<Command> make_fetch_command() { return std::make_unique<Fetch>(); }

}  // namespace opencat
