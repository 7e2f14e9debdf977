// SPDX-License-Identifier: MIT
// The only file that includes CLI11.
#include "commands/command_line.hpp"

#include <CLI/CLI.hpp>

#include "opencat/error.hpp"
#include "opencat/text.hpp"
#include "opencat/version.hpp"

namespace opencat {

namespace {

std::string overview(const std::vector<std::unique_ptr<Command>>& commands) {
  std::string text =
      "opencat: give AI chat to people who have nothing installed.\n\nUsage: opencat COMMAND [OPTIONS]\n\n";
  for (const auto& command : commands) {
    const CommandHelp help = command->help();
    text += "  " + help.name + std::string(14 - std::min<std::size_t>(help.name.size(), 13), ' ') +
            help.summary + "\n";
  }
  text += "\n  opencat COMMAND --help says more of each; opencat --version\n\n";
  return text + exit_codes();
}

Command* find_command(const std::vector<std::unique_ptr<Command>>& commands, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& command : commands) {
    names.push_back(command->help().name);
    if (names.back() == name) return command.get();
  }
  const auto near = nearest(name, names);
  throw Error(ErrorKind::usage,
              "there is no command '" + name + "'" +
                  (near ? "; did you mean 'opencat " + *near + "'?" : "; see opencat --help"));
}

/// The setting's line in --help: what it does, its variable, its default.
std::string description(const Setting& row) {
  std::string text = row.help;
  if (!row.choices.empty()) text += ": " + join(row.choices, ", ");
  std::vector<std::string> notes;
  if (auto* value = std::get_if<std::string*>(&row.target); value && !(*value)->empty())
    notes.push_back("default " + **value);
  // A negative one says that there is none.
  if (auto* value = std::get_if<std::int64_t*>(&row.target); value && **value >= 0)
    notes.push_back("default " + with_unit(**value, row.unit));
  if (auto* value = std::get_if<std::filesystem::path*>(&row.target); value && !(*value)->empty()) {
    notes.push_back("default " + (*value)->string());
  }
  if (!row.env.empty()) notes.push_back("env " + join(row.env, ", "));
  if (row.secret)
    notes.push_back("as a flag it is visible to other users of this machine: prefer the variable");
  return notes.empty() ? text : text + " (" + join(notes, "; ") + ")";
}

std::string value_name(const Setting& row) {
  if (row.unit == Unit::seconds) return "TIME";
  if (row.unit == Unit::bytes) return "SIZE";
  if (std::holds_alternative<std::int64_t*>(row.target)) return "N";
  return "TEXT";
}

void declare_settings(CLI::App& app, const Settings& settings, Invocation& invocation) {
  for (const Setting& row : settings.rows()) {
    if (row.flag.empty()) continue;
    auto& values = invocation.flags[row.flag];
    if (std::holds_alternative<bool*>(row.target)) {
      app.add_flag_function(
          row.flag, [&values](std::int64_t count) { values = {count > 0 ? "true" : "false"}; },
          description(row));
      continue;
    }
    CLI::Option* option = app.add_option(row.flag, values, description(row));
    option->type_name(value_name(row))->expected(1)->take_all();
    // Each occurrence takes one value; CLI11 would let a vector swallow the words behind it. Only words that
    // stand by themselves may be many.
    const bool many =
        !row.flag.starts_with('-') && std::holds_alternative<std::vector<std::string>*>(row.target);
    if (many) {
      option->expected(0, CLI::detail::expected_max_vector_size);
    } else {
      option->allow_extra_args(false);
    }
  }
}

const std::vector<std::string> color_choices = {"auto", "always", "never"};

void declare_common(CLI::App& app, Invocation& invocation) {
  Output::Options& output = invocation.output;
  app.add_flag("--json", output.json, "One JSON document on stdout")->group("Everywhere");
  app.add_flag("--quiet,-q", output.quiet, "Say nothing but results and errors")->group("Everywhere");
  app.add_flag("--verbose,-v", output.verbose, "Say more, and the details of errors")->group("Everywhere");
  app.add_option("--color", output.color, "auto, always or never (NO_COLOR is honoured)")
      ->check(CLI::IsMember(color_choices))
      ->type_name("WHEN")
      ->group("Everywhere");
  app.add_option("--config", invocation.config_file, "Read settings from this TOML file")
      ->type_name("FILE")
      ->group("Everywhere");
  app.add_flag("--show-config", invocation.show_config, "Print each setting with its origin, and stop")
      ->group("Everywhere");
}

/// The command's App as both parsing and completion want it.
void declare_all(CLI::App& app, const CommandHelp& help, const Settings& settings, Invocation& invocation) {
  app.allow_extras();
  app.set_version_flag("--version", std::string("opencat ") + version());
  app.get_formatter()->column_width(34);
  app.footer("Examples:\n  " + join(help.examples, "\n  ") + "\n\n" + exit_codes());
  declare_settings(app, settings, invocation);
  declare_common(app, invocation);
}

/// Complains of the first word that no option took.
void refuse_extras(const CLI::App& app, const std::string& command) {
  std::vector<std::string> extras = app.remaining();
  std::erase(extras, "--");  // behind which all words stand by themselves
  if (extras.empty()) return;
  std::string word = extras.front();
  if (word.rfind('-', 0) != 0) {
    throw Error(ErrorKind::usage,
                "'opencat " + command + "' does not take '" + word + "'; see opencat " + command + " --help");
  }
  word = word.substr(0, word.find('='));
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_lnames().empty()) known.push_back("--" + option->get_lnames().front());
  }
  const auto near = nearest(word, known);
  throw Error(ErrorKind::usage,
              "'opencat " + command + "' has no option '" + word + "'" +
                  (near ? "; did you mean '" + *near + "'?" : "; see opencat " + command + " --help"));
}

}  // namespace

std::string exit_codes() {
  return "Exit codes: 0 done; 1 failed; 2 wrong usage or configuration; 3 network; 4 a check of integrity "
         "failed;\n"
         "            5 not permitted; 130 interrupted.\n";
}

std::vector<FlagHelp> flags_of(const CommandHelp& help, const Settings& settings) {
  Invocation unused;
  CLI::App app;
  declare_all(app, help, settings, unused);
  std::vector<FlagHelp> flags;
  for (const CLI::Option* option : app.get_options()) {
    FlagHelp flag;
    for (const std::string& name : option->get_snames()) flag.names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) flag.names.push_back("--" + name);
    if (flag.names.empty()) flag.names.push_back(option->get_single_name());
    flag.help = flag.details = option->get_description();
    flag.value = option->get_type_name();
    flag.takes_value = option->get_items_expected_max() > 0;
    if (flag.names.back() == "--color") flag.choices = color_choices;
    flag.takes_file = flag.names.back() == "--config";
    for (const Setting& row : settings.rows()) {
      if (row.flag != flag.names.back()) continue;
      flag.help = row.help;
      flag.choices = row.choices;
      // What stands by itself and is one text is an address or a file.
      const bool alone = !row.flag.starts_with('-') && row.choices.empty();
      flag.takes_file = std::holds_alternative<std::filesystem::path*>(row.target) ||
                        (alone && std::holds_alternative<std::string*>(row.target));
    }
    flags.push_back(std::move(flag));
  }
  return flags;
}

Invocation parse_command_line(const std::vector<std::string>& words,
                              const std::vector<std::unique_ptr<Command>>& commands, Settings& settings) {
  Invocation invocation;
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    invocation.text = overview(commands);
    return invocation;
  }
  if (words[0] == "--version") {
    invocation.text = std::string("opencat ") + version() + " (protocol " + protocol_version + ")\n";
    return invocation;
  }
  if (words[0].rfind('-', 0) == 0) {
    throw Error(ErrorKind::usage,
                "a command comes first, as in 'opencat serve " + words[0] + "'; see opencat --help");
  }
  invocation.command = find_command(commands, words[0]);
  invocation.command->declare(settings);

  const CommandHelp help = invocation.command->help();
  CLI::App app(help.summary, "opencat " + help.name);
  declare_all(app, help, settings, invocation);

  // CLI11 wants the words last first.
  std::vector<std::string> reversed(words.rbegin(), words.rend() - 1);
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    invocation.text = app.help();
    invocation.command = nullptr;
    return invocation;
  } catch (const CLI::CallForVersion& answer) {
    invocation.text = std::string(answer.what()) + "\n";
    invocation.command = nullptr;
    return invocation;
  } catch (const CLI::ParseError& problem) {
    throw Error(ErrorKind::usage, "'opencat " + help.name + "': " + problem.what());
  }
  refuse_extras(app, help.name);
  return invocation;
}

}  // namespace opencat
