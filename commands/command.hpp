// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "commands/interrupt.hpp"
#include "commands/output.hpp"
#include "opencat/clock.hpp"
#include "opencat/environment.hpp"
#include "opencat/random.hpp"
#include "opencat/settings.hpp"

namespace opencat {

/// What main() hands to a command: everything that comes from the process and the world.
struct Context {
  const std::vector<std::string>& words;  ///< of the command line, behind the program's name
  const Environment& environment;
  Output& output;
  Clock& clock;
  Entropy& entropy;
  std::stop_token stop;  ///< requested by Ctrl-C and SIGTERM
  Interrupt& interrupt;
  /// Fills settings like the command's own, but from the configuration file as it is now.
  std::function<void(Settings&)> fill_again;
  /// Of a command whose result may be bad news without having failed.
  int exit_code = 0;
};

/// What `opencat NAME --help` says beside the settings.
struct CommandHelp {
  std::string name;
  std::string summary;
  std::vector<std::string> examples;
};

/// One subcommand: its settings as rows that fill its own fields, and what it does with them.
class Command {
 public:
  virtual ~Command() = default;
  virtual CommandHelp help() const = 0;
  virtual void declare(Settings& settings) = 0;
  /// The configuration file read when --config names none; asked after flags and environment are known.
  /// Empty: none.
  virtual std::filesystem::path default_config_file() const { return {}; }
  /// Throws Error for every failure.
  virtual void run(Context& context) = 0;
};

std::unique_ptr<Command> make_serve_command();
std::unique_ptr<Command> make_token_command();
std::unique_ptr<Command> make_backup_command();
std::unique_ptr<Command> make_doctor_command();
std::unique_ptr<Command> make_migrate_command();
std::unique_ptr<Command> make_fetch_command();
std::unique_ptr<Command> make_bundle_command();
std::unique_ptr<Command> make_install_command();
std::unique_ptr<Command> make_uninstall_command();
std::unique_ptr<Command> make_completions_command();
std::unique_ptr<Command> make_manual_command();

/// Every command, in the order in which `opencat --help` lists them.
std::vector<std::unique_ptr<Command>> all_commands();

}  // namespace opencat
