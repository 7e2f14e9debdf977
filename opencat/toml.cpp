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
  return parse_toml(read_file(file, 1u << 20), file.string());
}

nlohmann::json parse_toml(std::string_view text, const std::string& name) {
  try {
    const toml::table table = toml::parse(text, name);
    std::ostringstream json;
    json << toml::json_formatter(table);
    return nlohmann::json::parse(json.str());
  } catch (const toml::parse_error& problem) {
    throw Error(ErrorKind::usage, name + " line " + std::to_string(problem.source().begin.line) + ": " +
                                      std::string(problem.description()));
  }
}

}  // namespace opencat
