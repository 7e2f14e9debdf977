// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "bundle/bundle_maker.hpp"
#include "bundle/dependencies.hpp"
#include "bundle/opencat_programs.hpp"
#include "commands/command.hpp"
#include "commands/runtime_settings.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace {

using Json = nlohmann::json;

class Bundle : public Command {
 public:
  CommandHelp help() const override {
    return {"bundle",
            "Make the zip that a user unpacks, one per platform",
            {"opencat bundle --platform all --pre-token --server-url https://example.com",
             "opencat bundle --platform win-x64 --label 'Ms Li' --out-dir zips",
             "opencat bundle --app ./my-app --deps bundled",
             "opencat bundle --platform win-x64 --labels people.csv --sign-key minisign.key",
             "opencat bundle --platform win-x64 --count 30 --label 'class 3' --plan class-3",
             "opencat bundle --app openclaw --node-version auto --platform all"}};
  }

  void declare(Settings& settings) override {
    runtimes_.declare(settings);
    settings.add({"--server-url",
                  {"OPENCAT_SERVER_URL"},
                  "server_url",
                  "The server that users reach, as they reach it",
                  &server_url_});
    settings.add({"--pre-token", {}, "pre_token", "Put a token of its own into each zip", &pre_token_});
    settings.add(
        {"--plan",
         {},
         "",
         "The plan that the zips' tokens get, or none; with --labels, of those whose column 'plan' is empty",
         &token_plan_});
    settings.add({"--admin-secret-file",
                  {"OPENCAT_ADMIN_SECRET_FILE"},
                  "admin_secret_file",
                  "The server's admin secret, in a file (or in OPENCAT_ADMIN_SECRET)",
                  &admin_secret_file_});
    settings.add({"--enroll-key",
                  {"OPENCAT_ENROLL_KEY"},
                  "enroll_key",
                  "The key with which users' PCs ask for a token",
                  &enroll_key_,
                  Unit::none,
                  {},
                  0,
                  true});
    settings.add({"--app",
                  {},
                  "app",
                  "A folder with the app's package.json, or an npm package such as openclaw, cowsay@1.6.0 or "
                  "@scope/name@^2 (default: the built-in chat)",
                  &app_});
    settings.add({"--deps",
                  {},
                  "deps",
                  "Whether users' PCs install the app's dependencies, or the zip brings them",
                  &deps_,
                  Unit::none,
                  {"install", "bundled"}});
    settings.add(
        {"--with-opencat",
         {},
         "with_opencat",
         "A folder with a release's executables (opencat-linux-x64, …) and their SHA256SUMS: each zip "
         "brings its platform's, for opencat install and opencat doctor",
         &with_opencat_});
    settings.add({"--out-dir", {}, "out_dir", "Where the zips go", &out_dir_});
    settings.add({"--label", {}, "", "Who or what this is for; shown in the server's list", &label_});
    settings.add(
        {"--labels",
         {},
         "",
         "A CSV file of people: a zip with a token of its own for each, in a folder of their name, and "
         "tokens.csv; run again, only what is missing is made",
         &labels_});
    settings.add(
        {"--count", {}, "", "The same for as many people without names, 'user 1' and so on", &count_});
    settings.add({"--sign-key",
                  {"OPENCAT_SIGN_KEY"},
                  "sign_key",
                  "A secret key file of minisign: SHA256SUMS.minisig is made with it",
                  &sign_key_});
    settings.add({"--sign-password-file",
                  {"OPENCAT_SIGN_PASSWORD_FILE"},
                  "sign_password_file",
                  "That key's password, in a file (or in OPENCAT_SIGN_PASSWORD)",
                  &sign_password_file_});
  }

  void run(Context& context) override {
    const std::vector<Platform> platforms = runtimes_.chosen_platforms();
    if (server_url_.empty()) {
      throw Error(ErrorKind::usage,
                  "a bundle must know its server: name it with --server-url or OPENCAT_SERVER_URL");
    }
    const std::vector<Person> people = chosen_people();
    // Each of them shall be told apart by the server.
    if (!people.empty()) pre_token_ = true;
    if (!token_plan_.empty() && !pre_token_)
      throw Error(ErrorKind::usage, "--plan is for tokens that the zips bring: add --pre-token");
    const std::unique_ptr<MinisignKey> key = signing_key(context);
    BundlePlan plan;
    plan.server_url = checked_base_url(server_url_, "--server-url");
    plan.label = label_;
    plan.token_plan = token_plan_;
    plan.app = load_app(context);
    const NodeWish wish = runtimes_.chosen_wish(context, plan.app.folder, plan.app.package_json);
    plan.bundled_dependencies = deps_ == "bundled";
    plan.out_dir = out_dir_;
    plan.time = bundle_time(context.environment);
    if (!runtimes_.npm_registry.empty()) {
      plan.npm_registry = checked_base_url(runtimes_.npm_registry, "--npm-registry");
    }
    if (!with_opencat_.empty()) {
      plan.opencat_programs = read_opencat_programs(
          with_opencat_, platforms, [&](const std::string& line) { context.output.say(line); });
    }
    const std::string secret = admin_secret(context);
    TokenClient tokens(plan.server_url, secret, http_options(context));
    plan.enroll_key = find_enroll_key(context, tokens, secret);
    std::vector<std::string> plans = plans_of(people);
    plans.push_back(token_plan_);
    tokens.demand_plans(plans, context.stop);

    RuntimeCache cache(runtimes_.chosen_cache(context));
    RuntimeFetcher fetcher(cache, runtimes_.plan(context), context.clock, context.output.progress());
    const std::vector<Runtime> runtimes = fetcher.fetch(platforms, wish, context.stop);
    refuse_wrong_node(plan.app, runtimes);
    if (lacks_lock(plan.app) || (plan.bundled_dependencies && plan.app.has_dependencies)) {
      const NodeWish same(runtimes.front().version.text());
      const HostNpm npm{fetcher.fetch({this_platform()}, same, context.stop)[0], plan.npm_registry,
                        cache.folder(),
                        npm_environment(context.environment, std::filesystem::current_path())};
      resolve_dependencies(context, plan, npm);
    }
    BundleMaker maker(std::move(plan), cache, pre_token_ ? &tokens : nullptr, key.get(), context.entropy,
                      context.output.progress());
    show(context, people.empty() ? maker.make(runtimes, context.stop)
                                 : maker.make_for(people, runtimes, context.stop));
  }

 private:
  App load_app(Context& context) const {
    if (app_.empty()) return built_in_app();
    if (std::filesystem::is_directory(app_)) return app_in_folder(app_);
    if (app_.find_first_of("/\\.~") == 0 || std::filesystem::exists(app_)) {
      throw Error(ErrorKind::usage,
                  "--app wants a folder with a package.json, or an npm package; there is no "
                  "folder '" +
                      printable(app_) + "'");
    }
    const NpmWish wish = NpmWish::parse(app_);
    if (runtimes_.offline) {
      throw Error(ErrorKind::usage, "--offline cannot fetch the npm package " + wish.name + "; leave it out");
    }
    NpmConfig config = npm_config(context, runtimes_.npm_registry);
    if (!config.unchecked_tls_wanted_by.empty()) {
      context.output.say("strict-ssl=false (" + config.unchecked_tls_wanted_by +
                         ") is not followed: certificates are always checked; name your CA with cafile");
    }
    NpmRegistry registry(std::move(config), runtimes_.http(context), context.clock);
    return app_of_package(registry, wish,
                          runtimes_.require_signature ? Signatures::required : Signatures::where_offered,
                          runtimes_.chosen_cache(context), context.output.progress(), context.stop);
  }

  /// A bundle whose app cannot run in it would fail on every PC.
  static void refuse_wrong_node(const App& app, const std::vector<Runtime>& runtimes) {
    const auto range = VersionRange::parse(app.engines_node);
    if (app.engines_node.empty() || !range) return;
    for (const Runtime& runtime : runtimes) {
      if (range->contains(runtime.version)) continue;
      throw Error(ErrorKind::usage, app.name + " " + app.version + " needs Node " +
                                        printable(app.engines_node) + ", and the bundle would bring " +
                                        runtime.version.text() + "; name a version with --node-version");
    }
  }

  /// Where npm is needed: a lock for an app without one, node_modules for each platform that brings them.
  static void resolve_dependencies(Context& context, BundlePlan& plan, const HostNpm& npm) {
    if (lacks_lock(plan.app)) {
      context.output.say("finding versions for what " + plan.app.name + " needs");
      const TemporaryFolder scratch(npm.cache_folder, "app-");
      lock_dependencies(plan.app, npm, scratch.path(), context.stop);
    }
    if (!plan.bundled_dependencies) return;
    plan.dependencies = [&context, app = plan.app, npm](const Platform& platform,
                                                        const std::filesystem::path& scratch,
                                                        const std::stop_token& stop) {
      context.output.say("getting the app's dependencies for " + platform.name());
      return bundled_dependencies(app, platform, npm, scratch, stop);
    };
  }

  std::vector<Person> chosen_people() const {
    if (labels_.empty())
      return count_ == 0 ? std::vector<Person>() : numbered_people(count_, label_, token_plan_);
    if (count_ != 0 || !label_.empty()) {
      throw Error(ErrorKind::usage, "--labels names the people; leave out --count and --label");
    }
    return read_people(read_file(labels_, 16u << 20), labels_.string(), token_plan_);
  }

  std::unique_ptr<MinisignKey> signing_key(const Context& context) const {
    if (sign_key_.empty()) return nullptr;
    std::string password = context.environment.get("OPENCAT_SIGN_PASSWORD").value_or("");
    if (!sign_password_file_.empty()) {
      password = read_file(sign_password_file_, 4096);
      while (!password.empty() && (password.back() == '\n' || password.back() == '\r')) password.pop_back();
    }
    return std::make_unique<MinisignKey>(read_file(sign_key_, 4096), password, sign_key_.string());
  }

  std::string admin_secret(const Context& context) const {
    if (!admin_secret_file_.empty()) return std::string(trim(read_file(admin_secret_file_, 4096)));
    return context.environment.get("OPENCAT_ADMIN_SECRET").value_or("");
  }

  /// Also the check that the server is there and knows the secret, before anything is made.
  std::string find_enroll_key(Context& context, TokenClient& tokens, const std::string& secret) const {
    if (pre_token_ && secret.empty()) {
      throw Error(
          ErrorKind::usage,
          "--pre-token needs the server's admin secret: set OPENCAT_ADMIN_SECRET, or name its file with "
          "--admin-secret-file");
    }
    const bool ask = !secret.empty() && (pre_token_ || enroll_key_.empty());
    const auto enrollment = ask ? tokens.enrollment(context.stop) : std::nullopt;
    if (!enroll_key_.empty()) return enroll_key_;
    if (enrollment && enrollment->mode != "key") {
      if (enrollment->mode == "closed" && !pre_token_) {
        context.output.say(
            "the server's enrolment is closed: nobody can use this bundle without --pre-token");
      }
      return {};
    }
    if (enrollment) return enrollment->key;
    if (!pre_token_) {
      context.output.say(
          "no enrolment key is known: if the server asks for one, this bundle cannot get a token. Name "
          "it with --enroll-key, or set OPENCAT_ADMIN_SECRET");
    }
    return {};
  }

  void show(Context& context, const std::vector<MadeBundle>& made) const {
    Json bundles = Json::array();
    std::vector<std::vector<std::string>> rows{{"FILE", "SIZE", "SHA-256", "TOKEN"}};
    for (const MadeBundle& one : made) {
      const std::string file = (out_dir_ / one.name).string();
      bundles.push_back({{"file", file},
                         {"platform", one.platform.name()},
                         {"bytes", one.bytes},
                         {"sha256", one.sha256},
                         {"label", one.label.empty() ? Json() : Json(one.label)},
                         {"token_id", one.token_id.empty() ? Json() : Json(one.token_id)}});
      rows.push_back({file, human_size(one.bytes), one.sha256, one.token_id.empty() ? "-" : one.token_id});
    }
    context.output.result({{"bundles", bundles}}, table(rows));
  }

  RuntimeSettings runtimes_;
  std::string server_url_;
  std::filesystem::path admin_secret_file_;
  std::string enroll_key_;
  std::string app_;
  std::string deps_ = "install";
  std::filesystem::path with_opencat_;
  std::filesystem::path out_dir_ = "dist";
  std::string label_;
  std::string token_plan_;
  std::filesystem::path labels_;
  std::int64_t count_ = 0;
  std::filesystem::path sign_key_;
  std::filesystem::path sign_password_file_;
  bool pre_token_ = false;
};

}  // namespace

std::unique_ptr<Command> make_bundle_command() { return std::make_unique<Bundle>(); }

}  // namespace opencat
