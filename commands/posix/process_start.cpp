// SPDX-License-Identifier: MIT
#include "commands/process_start.hpp"

#include <unistd.h>

#ifdef __APPLE__
extern char** environ;  // which glibc's <unistd.h> declares
#endif

namespace opencat {

std::vector<std::string> command_words(int argc, char** argv) { return {argv + 1, argv + argc}; }

Environment process_environment() {
  std::map<std::string, std::string> values;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) values.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return Environment(std::move(values));
}

}  // namespace opencat
