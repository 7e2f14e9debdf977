// SPDX-License-Identifier: MIT
// What --help knows as man pages and as a configuration file, so that packages bring neither written by hand.
#include <cctype>
#include <map>

#include <nlohmann/json.hpp>

#include "commands/command.hpp"
#include "commands/command_line.hpp"
#include "opencat/error.hpp"
#include "opencat/text.hpp"
#include "opencat/version.hpp"

namespace opencat {

namespace {

const char* const configuration_page = "opencat.toml";

/// Text as roff takes it: no line begins with a command, and a hyphen is the one that a shell knows.
std::string roff(const std::string& text) {
  std::string result;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) result += "\\&";
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
    line_begins = c == '\n';
  }
  return result;
}

std::string title(std::string page) {
  for (char& c : page) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return ".TH " + roff(page) + " 1 \"\" \"opencat " + version() + "\" OpenCat\n";
}

std::string section(const std::string& name) { return ".SH " + name + "\n"; }

std::string bold(const std::string& text) { return "\\fB" + roff(text) + "\\fR"; }

std::string option_paragraph(const FlagHelp& flag) {
  std::vector<std::string> names;
  for (const std::string& name : flag.names) names.push_back(bold(name));
  std::string text = ".TP\n" + join(names, ", ");
  if (flag.takes_value && flag.names.back().starts_with('-')) text += " \\fI" + roff(flag.value) + "\\fR";
  return text + "\n" + roff(flag.details) + "\n";
}

std::string verbatim(const std::vector<std::string>& lines) {
  return ".nf\n" + roff(join(lines, "\n")) + "\n.fi\n";
}

std::string command_page(const CommandHelp& help, const std::vector<FlagHelp>& flags) {
  const std::string name = "opencat-" + help.name;
  std::string text = title(name) + section("NAME") + roff(name) + " \\- " + roff(help.summary) + "\n";
  text += section("SYNOPSIS") + bold("opencat " + help.name) + " [\\fIOPTIONS\\fR]\n";
  text += section("OPTIONS");
  for (const FlagHelp& flag : flags) text += option_paragraph(flag);
  text += section("EXAMPLES") + verbatim(help.examples);
  text += section("SEE ALSO") + bold("opencat") + "(1)\n";
  return text;
}

std::string overview_page() {
  std::string text = title("opencat") + section("NAME") +
                     "opencat \\- give AI chat to people who have nothing installed\n" + section("SYNOPSIS") +
                     bold("opencat") + " \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n" + section("COMMANDS");
  for (const auto& command : all_commands()) {
    const CommandHelp help = command->help();
    text += ".TP\n" + bold("opencat-" + help.name) + "(1)\n" + roff(help.summary) + "\n";
  }
  return text + section("EXIT STATUS") + roff(exit_codes());
}

/// A value for a setting that has none by itself: what somebody might write.
const std::map<std::string, std::string>& examples() {
  static const std::map<std::string, std::string> table{
      {"ops_port", "\"3001\""},
      {"tls.cert", "\"/etc/ssl/opencat/chain.pem\""},
      {"tls.key", "\"/etc/ssl/opencat/key.pem\""},
      {"public_url", "\"https://chat.example.com\""},
      {"trusted_proxies", "[\"127.0.0.1\"]"},
      {"cors_origins", "[\"https://app.example.com\"]"},
      {"bundles", "\"/srv/opencat\""},
      {"access_log", "\"-\""},
      {"enrollment", "\"key\""},
      {"upstream.url", "\"https://api.example.com/v1\""},
      {"upstream.key", "\"sk-…\""},
      {"upstream.models", "[\"some-model\"]"},
      {"upstream.ca_file", "\"/etc/ssl/certs/ca-certificates.crt\""},
      {"admin_secret", "\"…\""},
      {"enroll_key", "\"…\""}};
  return table;
}

/// As large a unit as says it without a rest.
std::string number_text(std::int64_t number, Unit unit) {
  using Units = std::vector<std::pair<std::int64_t, const char*>>;
  static const Units times{{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};
  static const Units sizes{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}};
  if (number <= 0 || unit == Unit::none) return std::to_string(number);
  for (const auto& [worth, name] : unit == Unit::seconds ? times : sizes) {
    if (number % worth == 0) return "\"" + std::to_string(number / worth) + name + "\"";
  }
  return std::to_string(number);
}

std::string value_of(const Setting& row) {
  const auto quoted = [](const std::string& text) { return nlohmann::json(text).dump(); };
  if (const auto* number = std::get_if<std::int64_t*>(&row.target); number && **number >= 0)
    return number_text(**number, row.unit);
  if (const auto* flag = std::get_if<bool*>(&row.target)) return **flag ? "true" : "false";
  if (const auto* text = std::get_if<std::string*>(&row.target); text && !(*text)->empty())
    return quoted(**text);
  if (const auto* path = std::get_if<std::filesystem::path*>(&row.target); path && !(*path)->empty())
    return quoted((*path)->string());
  if (const auto found = examples().find(row.key); found != examples().end()) return found->second;
  if (!row.choices.empty()) return quoted(row.choices.front());
  if (std::holds_alternative<std::vector<std::string>*>(row.target)) return "[\"…\"]";
  return std::holds_alternative<std::int64_t*>(row.target) ? "100" : "\"\"";
}

const char* const tables = R"(
# Several upstreams, instead of upstream.url and its like; docs/configuration.md has all members.
#[[upstreams]]
#name = "main"
#url = "https://api.example.com/v1"
#key_env = "MAIN_KEY"
#models = ["some-model", "small-model"]

# Plans: limits, models and an end that many tokens share; docs/configuration.md has all members.
#[[plans]]
#name = "class"
#daily_limit = 50
#models = ["some-model"]
)";

/// Every setting of `opencat serve`, commented; whole names, so that a line means the same wherever it
/// stands.
std::string configuration(const Settings& settings) {
  std::string text =
      "# The settings of opencat serve. A line that begins with \"#\" has no effect: it shows the default, "
      "or an\n"
      "# example where there is none. `opencat serve --show-config` says what is set, and where.\n"
      "#\n"
      "# Times are written 90s, 15m, 2h or 400d, sizes 512KiB or 10MiB. An environment variable wins over "
      "this\n"
      "# file, and a flag over both. Keys and secrets are better kept in variables, or in files of their "
      "own.\n";
  for (const Setting& row : settings.rows()) {
    if (row.key.empty() || std::holds_alternative<nlohmann::json*>(row.target)) continue;
    std::vector<std::string> names{row.flag};
    names.insert(names.end(), row.env.begin(), row.env.end());
    text += "\n# " + row.help;
    if (!row.choices.empty()) text += ": " + join(row.choices, ", ");
    text += " (" + join(names, ", ") + ")\n#" + row.key + " = " + value_of(row) + "\n";
  }
  return text + tables;
}

class Manual : public Command {
 public:
  CommandHelp help() const override {
    return {"manual",
            "Print a command's man page, or opencat.toml with every setting commented",
            {"opencat manual serve | man -l -", "opencat manual opencat.toml >opencat-data/opencat.toml"}};
  }

  void declare(Settings& settings) override {
    settings.add({"page", {}, "", "A command, or opencat.toml; the overview unless given", &page_});
  }

  void run(Context& context) override {
    const std::string text = page(page_);
    context.output.result({{"page", page_}, {"text", text}}, text);
  }

 private:
  static std::string page(const std::string& name) {
    if (name.empty() || name == "opencat") return overview_page();
    std::vector<std::string> known{"opencat", configuration_page};
    for (const auto& command : all_commands()) {
      const CommandHelp help = command->help();
      known.push_back(help.name);
      const bool settings_of_server = name == configuration_page && help.name == "serve";
      if (help.name != name && !settings_of_server) continue;
      Settings settings;
      command->declare(settings);
      return settings_of_server ? configuration(settings) : command_page(help, flags_of(help, settings));
    }
    throw Error(ErrorKind::usage, "there is no page '" + name + "'; one of: " + join(known, ", "));
  }

  std::string page_;
};

}  // namespace

std::unique_ptr<Command> make_manual_command() { return std::make_unique<Manual>(); }

}  // namespace opencat
