// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "commands/command.hpp"

namespace opencat {

/// What the words of a command line come to.
struct Invocation {
  Command* command = nullptr;  ///< null: only `text` is to be printed
  std::string text;            ///< the answer to --help or --version
  Output::Options output;
  std::string config_file;  ///< --config
  bool show_config = false;
  std::map<std::string, std::vector<std::string>> flags;  ///< per setting's flag, its values
};

/// What a command takes, as completion in a shell needs to know it.
struct FlagHelp {
  std::vector<std::string> names;  ///< "-q", "--quiet"; a word that stands by itself has its name alone
  std::string help;
  std::string details;  ///< the same with its variable, its default and what else there is to say
  std::string value;    ///< what --help calls its value, e.g. "TEXT"
  bool takes_value = false;
  bool takes_file = false;           ///< the value is a path
  std::vector<std::string> choices;  ///< of its value; empty: any
};

/// The table of exit codes, as --help ends.
std::string exit_codes();

/// All that the command takes, common options too.
std::vector<FlagHelp> flags_of(const CommandHelp& help, const Settings& settings);

/// Parses argv (without the program's name) against the commands and their settings; `settings` are filled
/// with the chosen command's rows. Throws Error(usage) that names a wrong word and the nearest right one.
Invocation parse_command_line(const std::vector<std::string>& words,
                              const std::vector<std::unique_ptr<Command>>& commands, Settings& settings);

}  // namespace opencat
