// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "opencat/environment.hpp"

namespace opencat {

struct ProcessRequest {
  /// The program (looked up on the environment's PATH when it has no slash) and its arguments.
  std::vector<std::string> words;
  Environment environment;
  std::filesystem::path folder;  ///< empty: this process's
  enum class Stdout {
    inherit,
    to_stderr,  ///< what it says is not this program's result
    capture
  } standard_output = Stdout::inherit;
  enum class Stderr { inherit, discard } standard_error = Stderr::inherit;
};

struct ProcessResult {
  int exit_code = 0;  ///< 128 + its number when a signal ended the process, as shells count
  std::string output;
};

/// Starts the process, with nothing on its stdin, and waits for its end. A stop request ends it and all that
/// it started (SIGTERM, after five seconds SIGKILL); then Error(interrupted) is thrown. Throws Error(failed)
/// when it cannot be started.
ProcessResult run_process(const ProcessRequest& request, std::stop_token stop = {});

}  // namespace opencat
