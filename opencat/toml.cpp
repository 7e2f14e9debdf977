// SPDX-License-Identifier: MIT
// The only file that includes toml++.
#include <sstream>

#include <nlohmann/json.hpp>
#include <toml++/toml.h>

#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/settings.hpp"

namespace opencat {

nlohmann::json read_toml(const std::filesystem::path& file) {
  const std::string text = read_file(file, 1u << 20);
  try {
    const toml::table table = toml::parse(text, file.string());
    std::ostringstream json;
    json << toml::json_formatter(table);
    return nlohmann::json::parse(json.str());
  } catch (const toml::parse_error& problem) {
    throw Error(ErrorKind::usage, file.string() + " line " + std::to_string(problem.source().begin.line) +
                                      ": " + std::string(problem.description()));
  }
}

}  // namespace opencat
