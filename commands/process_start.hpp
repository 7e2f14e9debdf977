// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "opencat/environment.hpp"

namespace opencat {

/// What this process was started with, in UTF-8: the words behind the program's name, and the environment.
std::vector<std::string> command_words(int argc, char** argv);
Environment process_environment();

}  // namespace opencat
