// SPDX-License-Identifier: MIT
#include <cstdio>
#include <exception>
#include <new>

#include <nlohmann/json.hpp>

#include "commands/command.hpp"
#include "commands/command_line.hpp"
#include "commands/interrupt.hpp"
#include "commands/process_start.hpp"
#include "commands/utf8_locale.hpp"
#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat {

std::vector<std::unique_ptr<Command>> all_commands() {
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(make_serve_command());
  commands.push_back(make_token_command());
  commands.push_back(make_backup_command());
  commands.push_back(make_doctor_command());
  commands.push_back(make_migrate_command());
  commands.push_back(make_fetch_command());
  commands.push_back(make_bundle_command());
  commands.push_back(make_install_command());
  commands.push_back(make_uninstall_command());
  commands.push_back(make_completions_command());
  commands.push_back(make_manual_command());
  return commands;
}

namespace {

/// Refuses a key of the configuration file that no command knows: most are misspelt.
void refuse_unknown_keys(const nlohmann::json& config, const std::string& file) {
  std::vector<std::string> known;
  for (const auto& command : all_commands()) {
    Settings settings;
    command->declare(settings);
    for (const Setting& row : settings.rows()) {
      if (!row.key.empty()) known.push_back(row.key);
    }
  }
  const auto visit = [&](const auto& self, const nlohmann::json& table, const std::string& prefix) -> void {
    for (const auto& [name, value] : table.items()) {
      const std::string key = prefix + name;
      if (value.is_object()) {
        self(self, value, key + ".");
      } else if (!contains(known, key)) {
        const auto near = nearest(key, known);
        std::string message = file;
        message.append(": there is no setting '").append(key).append("'");
        if (near) message.append("; did you mean '").append(*near).append("'?");
        throw Error(ErrorKind::usage, message);
      }
    }
  };
  visit(visit, config, "");
}

void apply_settings(const Invocation& invocation, Settings& settings, const Environment& environment) {
  // Flags and environment first, for they may say where the file is; then all in the order that lets each
  // win.
  settings.apply_environment(environment);
  settings.apply_flags(invocation.flags);
  std::filesystem::path file = invocation.config_file;
  if (file.empty()) {
    file = invocation.command->default_config_file();
    if (file.empty() || !std::filesystem::exists(file)) return;
  }
  const nlohmann::json config = read_toml(file);
  refuse_unknown_keys(config, file.string());
  settings.apply_file(config, file.string());
  settings.apply_environment(environment);
  settings.apply_flags(invocation.flags);
}

std::string config_table(const nlohmann::json& shown) {
  std::string text;
  for (const auto& [flag, row] : shown.items()) {
    text += flag + " = " + row.at("value").dump() + "   (" + row.at("origin").get<std::string>() + ")\n";
  }
  return text;
}

int run(const std::vector<std::string>& words, const Invocation& invocation, Settings& settings,
        const Environment& environment, Output& output, Interrupt& interrupt) {
  apply_settings(invocation, settings, environment);
  if (invocation.show_config) {
    const nlohmann::json shown = settings.shown();
    output.result(shown, config_table(shown));
    return 0;
  }
  SystemClock clock;
  SystemEntropy entropy;
  Context context{words,     environment,
                  output,    clock,
                  entropy,   interrupt.token(),
                  interrupt, [&](Settings& fresh) {
                    apply_settings(invocation, fresh, environment); }};
  invocation.command->run(context);
  return context.exit_code;
}

int main_guarded(const std::vector<std::string>& words) {
  const Environment environment = process_environment();
  use_utf8_locale();
  Interrupt interrupt;
  Output::Options early;
  early.json = contains(words, "--json");
  auto output = std::make_unique<Output>(early);
  try {
    const auto commands = all_commands();
    Settings settings;
    Invocation invocation = parse_command_line(words, commands, settings);
    invocation.output.no_color = environment.get("NO_COLOR").has_value();
    output = std::make_unique<Output>(invocation.output);
    if (invocation.command == nullptr) {
      std::fputs(invocation.text.c_str(), stdout);
      return 0;
    }
    return run(words, invocation, settings, environment, *output, interrupt);
  } catch (const Error& error) {
    output->error(error);
    return facts(error.kind()).exit_code;
  } catch (const std::bad_alloc&) {
    output->error(Error(ErrorKind::failed, "out of memory"));
  } catch (const std::exception& error) {
    output->error(Error(ErrorKind::failed, std::string("failed: ") + error.what()));
  }
  return facts(ErrorKind::failed).exit_code;
}

}  // namespace

}  // namespace opencat

int main(int argc, char** argv) { return opencat::main_guarded(opencat::command_words(argc, argv)); }
