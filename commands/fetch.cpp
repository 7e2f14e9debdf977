// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "bundle/download.hpp"
#include "commands/command.hpp"
#include "commands/runtime_settings.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace {

using Json = nlohmann::json;

class Fetch : public Command {
 public:
  CommandHelp help() const override {
    return {"fetch",
            "Fetch Node runtimes into the cache, verified",
            {"opencat fetch", "opencat fetch --platform all --node-version 22",
             "opencat fetch --platform win-x64 --mirror https://mirror.example/node", "opencat fetch --list",
             "opencat fetch --update-keys https://example.com/node-release-keys.asc"}};
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
    settings.add({"--list-keys", {}, "", "Show the OpenPGP keys that may sign Node's releases", &list_keys_});
    settings.add({"--update-keys",
                  {},
                  "",
                  "Take newer ones from a file or an https address: those whose fingerprints are known, or "
                  "named by --trust-key; kept in node-release-keys.asc in opencat's data folder",
                  &update_keys_});
  }

  void run(Context& context) override {
    if (!update_keys_.empty()) return update_keys(context);
    if (list_keys_) return list_keys(context);
    RuntimeCache cache(runtimes_.chosen_cache(context));
    if (prune_) return prune(context, cache);
    if (verify_) return verify(context, cache);
    if (list_) return show(context, cache.list(), Json::object());
    const NodeWish wish = runtimes_.chosen_wish(context, std::filesystem::current_path());
    const std::vector<Platform> platforms = runtimes_.chosen_platforms();
    RuntimeFetcher fetcher(cache, runtimes_.plan(context), context.clock, context.output.progress());
    show(context, fetcher.fetch(platforms, wish, context.stop), Json::object());
  }

 private:
  static Json key_json(const PublicKey& key) {
    return {{"fingerprint", key.fingerprint}, {"holder", key.holder}, {"state", key.state}};
  }

  void list_keys(Context& context) const {
    Json document = Json::array();
    std::vector<std::vector<std::string>> rows{{"FINGERPRINT", "STATE", "HOLDER"}};
    for (const PublicKey& key : load_release_keys(runtimes_.release_keys(context))->keys()) {
      document.push_back(key_json(key));
      rows.push_back({key.fingerprint, key.state, key.holder});
    }
    context.output.result({{"keys", document}}, table(rows));
  }

  void update_keys(Context& context) const {
    const ReleaseKeySources sources = runtimes_.release_keys(context);
    if (sources.own_file.empty()) {
      throw Error(ErrorKind::usage, "--update-keys has no place to keep them: set HOME or XDG_DATA_HOME");
    }
    std::string bytes;
    if (update_keys_.find("://") != std::string::npos) {
      HttpRequest request;
      request.url = update_keys_;
      request.max_body_bytes = 8u << 20;
      HttpClient http(runtimes_.http(context));
      HttpResponse response = http.send(request, context.stop);
      expect_success(response, "the keys");
      bytes = std::move(response.body);
    } else {
      bytes = read_file(update_keys_, 8u << 20);
    }
    Json document = Json::array();
    std::vector<std::vector<std::string>> rows{{"FINGERPRINT", "STATE", "TAKEN", "HOLDER"}};
    for (const OfferedKey& one : update_release_keys(sources, bytes, update_keys_)) {
      document.push_back(key_json(one.key));
      document.back()["taken"] = one.taken;
      rows.push_back(
          {one.key.fingerprint, one.key.state, one.taken ? "yes" : "no: not known", one.key.holder});
    }
    context.output.result({{"file", sources.own_file.string()}, {"keys", document}}, table(rows));
    context.output.say("kept in " + sources.own_file.string() +
                       "; remove it to go back to this build's keys");
  }

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
  bool list_keys_ = false;
  std::string update_keys_;
};

}  // namespace

std::unique_ptr<Command> make_fetch_command() { return std::make_unique<Fetch>(); }

}  // namespace opencat
