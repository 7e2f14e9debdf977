// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "bundle/pc_checkup.hpp"
#include "commands/command.hpp"
#include "commands/runtime_settings.hpp"
#include "commands/serve_settings.hpp"
#include "opencat/error.hpp"
#include "opencat/platform.hpp"
#include "server/checkup.hpp"

namespace opencat {

using Json = nlohmann::json;

namespace {

const char* name_of(Finding::State state) {
  return state == Finding::State::good ? "good" : state == Finding::State::doubtful ? "doubtful" : "bad";
}

/// As the person's system speaks; the first variable that is set decides.
bool speaks_chinese(const Environment& environment) {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    if (const auto value = environment.get(name)) return value->starts_with("zh");
  }
  return false;
}

class Doctor : public Command {
 public:
  CommandHelp help() const override {
    return {"doctor",
            "Look for what is wrong with a server or an installation, and say the cure",
            {"opencat doctor                       # what is there: a server's data, an installation",
             "opencat doctor server --config /etc/opencat/opencat.toml --data-dir /var/lib/opencat",
             "opencat doctor pc --json",
             "opencat doctor --probe http://127.0.0.1:3000/readyz    # for a container's health check"}};
  }

  void declare(Settings& settings) override {
    settings.add(
        {"what", {}, "", "Which one; what is there unless given", &what_, Unit::none, {"server", "pc"}});
    settings.add({"--probe", {}, "", "Only ask this address; exit 0 when it answers 200", &probe_});
    settings.add(
        {"--no-chat", {}, "", "Do not ask upstreams for a few words, which costs as much", &no_chat_});
    settings.add({"--prefix",
                  {"OPENCAT_PREFIX"},
                  "",
                  "Where a bundle was installed (default: opencat in your data folder)",
                  &prefix_});
    serve_.declare(settings);
    settings_ = &settings;
  }

  std::filesystem::path default_config_file() const override { return serve_.data_dir() / "opencat.toml"; }

  void run(Context& context) override {
    if (!probe_.empty()) return probe(context);
    const std::filesystem::path prefix =
        std::filesystem::absolute(prefix_.empty() ? data_folder(context.environment) : prefix_);
    const bool pc = what_ == "pc" || (what_.empty() && is_installed_in(prefix));
    const bool server = what_ == "server" || (what_.empty() && looks_like_server());
    if (!pc && !server) {
      throw Error(ErrorKind::usage, "there is neither a server's " + serve_.data_dir().string() +
                                        " here nor an installation in " + prefix.string() +
                                        "; name one: --data-dir, --config or --prefix");
    }
    HttpClientOptions http = http_options(context);
    http.plain_http = PlainHttp::anywhere;
    HttpClient client(http);
    const auto tell = [this](Finding finding) { findings_.push_back(std::move(finding)); };
    if (server) check_server(context, http, tell);
    if (pc) check_pc(prefix, context.environment, client, tell, context.stop);
    report(context, server);
  }

 private:
  /// Something was said of a server, or there are its data.
  bool looks_like_server() const {
    if (std::filesystem::exists(serve_.data_dir())) return true;
    for (const Setting& row : settings_->rows()) {
      const bool ours = row.flag != "--prefix" && row.flag != "--no-chat" && row.flag != "--ca-file";
      if (ours && row.origin != Origin::built_in) return true;
    }
    return false;
  }

  void probe(Context& context) const {
    HttpClientOptions http = http_options(context);
    http.limits.connect_timeout_ms = http.limits.stall_timeout_ms = 5000;
    HttpRequest request;
    request.url = probe_;
    const int status = HttpClient(http).send(request, context.stop).status;
    if (status != 200) throw Error(ErrorKind::unavailable, probe_ + " answers " + std::to_string(status));
    context.output.result({{"url", probe_}, {"status", status}}, probe_ + " answers 200\n");
  }

  void check_server(Context& context, HttpClientOptions http, const ServerCheckup::Tell& tell) {
    ServerOptions options;
    try {
      options = serve_.options(context.environment);
      if (!options.public_url.empty())
        options.public_url = checked_base_url(options.public_url, "--public-url");
    } catch (const Error& error) {
      return tell({"settings", Finding::State::bad, {error.message()}, {}, error.kind()});
    }
    std::string set;
    const Json shown = settings_->shown();
    for (const auto& [flag, row] : shown.items()) {
      if (row.at("origin") != "default") set += (set.empty() ? "" : ", ") + flag;
    }
    tell({"settings", Finding::State::good, {set.empty() ? "all as built in" : "set: " + set}});
    if (!options.ca_file.empty()) http.ca_file = options.ca_file;
    HttpClient client(http);
    ServerCheckup(options, context.clock, client, !no_chat_, tell).run(context.stop);
  }

  void report(Context& context, bool server) const {
    const bool chinese = speaks_chinese(context.environment);
    const auto say = [&](const Finding::Words& words) {
      return chinese && !words.zh.empty() ? words.zh : words.en;
    };
    Json list = Json::array();
    std::vector<std::vector<std::string>> rows;
    std::string text;
    const Finding* worst = nullptr;
    for (const Finding& finding : findings_) {
      const bool bad = finding.state == Finding::State::bad;
      if (bad && worst == nullptr) worst = &finding;
      const std::string cure = finding.state == Finding::State::good ? std::string() : say(finding.cure);
      Json row{{"name", finding.name}, {"state", name_of(finding.state)}, {"found", say(finding.found)}};
      if (!cure.empty()) row["cure"] = cure;
      list.push_back(std::move(row));
      const char* mark = bad ? "✗ " : finding.state == Finding::State::good ? "✓ " : "? ";
      text += mark + finding.name + ": " + say(finding.found) + "\n";
      if (!cure.empty()) text += "    → " + cure + "\n";
    }
    Json document{{"ok", worst == nullptr}, {"findings", std::move(list)}};
    if (server) document["settings"] = settings_->shown();
    context.output.result(document, text);
    context.exit_code = worst == nullptr ? 0 : facts(worst->kind).exit_code;
  }

  std::string what_;
  std::string probe_;
  bool no_chat_ = false;
  std::filesystem::path prefix_;
  ServeSettings serve_;
  Settings* settings_ = nullptr;
  std::vector<Finding> findings_;
};

}  // namespace

std::unique_ptr<Command> make_doctor_command() { return std::make_unique<Doctor>(); }

}  // namespace opencat
