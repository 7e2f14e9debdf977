// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "opencat/error.hpp"
#include "opencat/progress.hpp"

namespace opencat {

/// How a command speaks: results on stdout (for people, or one JSON document), all else on stderr.
class Output {
 public:
  struct Options {
    bool json = false;
    bool quiet = false;
    bool verbose = false;
    std::string color = "auto";  ///< auto, always, never
    bool no_color = false;       ///< NO_COLOR is set (https://no-color.org)
  };
  explicit Output(Options options);
  ~Output();

  const Options& options() const { return options_; }

  /// The command's result: `document` with --json, else `text` as it is.
  void result(const nlohmann::json& document, const std::string& text);
  /// A line on stderr, unless --quiet.
  void say(const std::string& line);
  /// "opencat: …" on stderr, its detail too with --verbose; and {"error":…} on stdout with --json.
  void error(const Error& error);

  /// Bars on a terminal, plain lines otherwise, nothing with --quiet.
  Progress& progress() { return *progress_; }

 private:
  std::string colored(const std::string& text, const char* code) const;
  Options options_;
  bool stderr_is_terminal_;
  std::unique_ptr<Progress> progress_;
};

}  // namespace opencat
