// SPDX-License-Identifier: MIT
#include "bundle/node_version_file.hpp"

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace {

constexpr std::uintmax_t max_version_file = 64u << 10;
constexpr std::uintmax_t max_package_json = 4u << 20;

/// The first line that says something; empty when none does.
std::string first_word(const std::string& text) {
  for (const std::string& raw : split(text, '\n')) {
    const std::string_view line = trim(std::string_view(raw).substr(0, raw.find('#')));
    if (!line.empty()) return std::string(line);
  }
  return {};
}

/// "engines.node"; empty when there is none.
std::string engines_node(const std::string& package_json, const std::string& name) {
  const auto package = nlohmann::json::parse(package_json, nullptr, false);
  if (!package.is_object()) throw Error(ErrorKind::usage, name + " is no JSON object");
  const nlohmann::json::json_pointer where("/engines/node");
  if (!package.contains(where) || !package.at(where).is_string()) return {};
  return std::string(trim(package.at(where).get<std::string>()));
}

}  // namespace

NodeWish node_wish_of(const std::filesystem::path& folder) {
  for (const char* name : {".nvmrc", ".node-version"}) {
    const std::filesystem::path file = folder / name;
    const auto text = read_file_if_there(file, max_version_file);
    if (!text) continue;
    const std::string word = first_word(*text);
    if (word.empty()) throw Error(ErrorKind::usage, file.string() + " names no version of Node");
    return NodeWish(word, file.string());
  }
  const std::filesystem::path file = folder / "package.json";
  const auto text = read_file_if_there(file, max_package_json);
  if (text && !engines_node(*text, file.string()).empty()) return node_wish_of_package(*text, file.string());
  throw Error(ErrorKind::usage, "nothing in " + folder.string() +
                                    " says which Node it wants (no .nvmrc, no .node-version, no engines.node "
                                    "in a package.json): name one with --node-version");
}

NodeWish node_wish_of_package(const std::string& package_json, const std::string& name) {
  const std::string range = engines_node(package_json, name);
  if (range.empty()) {
    throw Error(ErrorKind::usage, name +
                                      " does not say in engines.node which Node it wants: name one with "
                                      "--node-version");
  }
  return NodeWish(range, name, NodeWish::Prefer::lts);
}

}  // namespace opencat
