// SPDX-License-Identifier: MIT
#include "commands/output.hpp"

#include <cstdio>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "commands/progress_bars.hpp"

namespace opencat {

Output::Output(Options options)
    : options_(std::move(options)), stderr_is_terminal_(isatty(STDERR_FILENO) == 1) {
  if (options_.quiet) {
    progress_ = std::make_unique<NoProgress>();
  } else if (stderr_is_terminal_) {
    progress_ = std::make_unique<ProgressBars>();
  } else {
    progress_ = std::make_unique<ProgressLines>();
  }
}

Output::~Output() = default;

void Output::result(const nlohmann::json& document, const std::string& text) {
  const std::string bytes = options_.json ? document.dump() + "\n" : text;
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size();
  // A caller that reads the first line must have it at once, and a full disk must not look like success.
  if (std::fflush(stdout) != 0 || !written) throw system_error("cannot write the result");
}

void Output::say(const std::string& line) {
  if (!options_.quiet) progress_->say(line);
}

void Output::error(const Error& error) {
  std::string line = colored("opencat: ", "31") + error.message() + "\n";
  if (options_.verbose && !error.detail().empty()) line += "  " + error.detail() + "\n";
  std::fputs(line.c_str(), stderr);
  if (!options_.json) return;
  const ErrorFacts& told = facts(error.kind());
  const nlohmann::json document{
      {"error", {{"code", told.code}, {"message", error.message()}, {"exit_code", told.exit_code}}}};
  std::fputs((document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n").c_str(),
             stdout);
}

std::string Output::colored(const std::string& text, const char* code) const {
  const bool wanted =
      options_.color == "always" || (options_.color == "auto" && stderr_is_terminal_ && !options_.no_color);
  return wanted ? std::string("\033[") + code + "m" + text + "\033[0m" : text;
}

}  // namespace opencat
