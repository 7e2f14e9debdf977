// SPDX-License-Identifier: MIT
#include "bundle/app_declaration.hpp"

#include <algorithm>
#include <set>

#include "opencat/assets.hpp"
#include "opencat/error.hpp"
#include "opencat/file_names.hpp"
#include "opencat/text.hpp"

namespace opencat {

using Json = nlohmann::json;

namespace {

constexpr std::size_t max_config_files = 16;
/// No configuration is deeper; and what walks one may then be recursive.
constexpr int max_depth = 20;
const std::vector<std::string> placeholders{"token", "proxy_base_url", "chat_url", "server_url"};

/// Where in a declaration a reader is, for its messages: `package.json: "opencat"."config"[0]`.
struct Place {
  std::string text;

  Place member(const std::string& name) const { return {text + ".\"" + name + "\""}; }
  Place element(std::size_t index) const { return {text + "[" + std::to_string(index) + "]"}; }
  [[noreturn]] void refuse(const std::string& why) const { throw Error(ErrorKind::usage, text + " " + why); }

  void only_members(const Json& object, const std::vector<std::string>& known) const {
    for (const auto& [name, value] : object.items()) {
      if (contains(known, name)) continue;
      const auto near = nearest(name, known);
      std::string why = "has '" + printable(name) + "', which is not known";
      if (near) why += "; did you mean '" + *near + "'?";
      refuse(why + (near ? "" : " (" + join(known, ", ") + " are)"));
    }
  }
};

std::vector<std::string> read_start(const Json& start, const Place& place) {
  const bool texts =
      start.is_array() && !start.empty() && std::all_of(start.begin(), start.end(), [](auto& word) {
        return word.is_string() && !word.template get_ref<const std::string&>().empty();
      });
  if (!texts) place.refuse("must be a list of texts, the app's script first, such as [\"main.mjs\"]");
  auto words = start.get<std::vector<std::string>>();
  if (words.front().rfind("./", 0) == 0) words.front().erase(0, 2);
  if (!is_safe_relative_path(words.front())) {
    place.element(0).refuse("must be a path below the app's folder, with forward slashes");
  }
  return words;
}

std::map<std::string, std::string> read_name(const Json& name, const Place& place) {
  if (!name.is_object()) place.refuse("must be an object such as {\"en\": \"My App\", \"zh\": \"我的应用\"}");
  place.only_members(name, {"en", "zh"});
  std::map<std::string, std::string> names;
  for (const auto& [language, text] : name.items()) {
    if (!text.is_string() || trim(text.get_ref<const std::string&>()).empty() ||
        printable(text.get_ref<const std::string&>()) != text.get_ref<const std::string&>()) {
      place.member(language).refuse("must be a text of one line");
    }
    names[language] = text.get<std::string>();
  }
  if (names.count("en") == 0) place.refuse("must say the name in English, as \"en\"");
  names.try_emplace("zh", names.at("en"));
  return names;
}

void check_placeholders(const std::string& text, const Place& place) {
  for (std::size_t at = 0; (at = text.find("{{", at)) != std::string::npos;) {
    const std::size_t end = text.find("}}", at);
    const std::string name = end == std::string::npos ? "" : text.substr(at + 2, end - at - 2);
    if (!contains(placeholders, name)) {
      place.refuse("holds '" + printable(text.substr(at, 40)) + "'; what can be put in is {{" +
                   join(placeholders, "}}, {{") + "}}");
    }
    at = end + 2;
  }
}

void check_merge(const Json& value, const Place& place, int depth) {
  if (depth > max_depth) place.refuse("is nested too deep");
  if (value.is_string()) return check_placeholders(value.get_ref<const std::string&>(), place);
  if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) check_merge(value[i], place.element(i), depth + 1);
  }
  if (!value.is_object()) return;
  for (const auto& [name, member] : value.items()) {
    if (name == "__proto__") place.refuse("must not have a member __proto__");
    check_merge(member, place.member(name), depth + 1);
  }
}

Json read_config(const Json& config, const Place& place) {
  if (!config.is_array() || config.size() > max_config_files) {
    place.refuse("must be a list of at most " + std::to_string(max_config_files) +
                 " such as {\"file\": \"~/.my-app/config.json\", \"merge\": {…}}");
  }
  std::set<std::string> files;
  for (std::size_t i = 0; i < config.size(); ++i) {
    const Place here = place.element(i);
    if (!config[i].is_object()) here.refuse("must be an object with \"file\" and \"merge\"");
    here.only_members(config[i], {"file", "merge"});
    const Json file = config[i].value("file", Json());
    // Below the home alone: a bundle must not be a way to write into anything else.
    const std::string name = file.is_string() ? file.get<std::string>() : "";
    if (name.rfind("~/", 0) != 0 || !is_safe_relative_path(name.substr(2))) {
      here.member("file").refuse("must be a file below the user's home, such as \"~/.my-app/config.json\"");
    }
    if (!files.insert(lower(name)).second) here.member("file").refuse("is there twice");
    const Json merge = config[i].value("merge", Json());
    if (!merge.is_object() || merge.empty())
      here.member("merge").refuse("must be an object with what the file shall say");
    check_merge(merge, here.member("merge"), 0);
  }
  return config;
}

}  // namespace

AppDeclaration read_declaration(const Json& package, const std::string& where) {
  AppDeclaration declaration;
  const std::string name = package.value("name", "");
  declaration.name = {{"en", name}, {"zh", name}};
  if (!package.contains("opencat")) return declaration;
  const Json& declared = package.at("opencat");
  const Place place{where + ": \"opencat\""};
  if (!declared.is_object()) place.refuse("must be an object");
  place.only_members(declared, {"start", "name", "scripts", "config"});
  if (declared.contains("start")) declaration.start = read_start(declared.at("start"), place.member("start"));
  if (declared.contains("name")) declaration.name = read_name(declared.at("name"), place.member("name"));
  if (declared.contains("scripts")) {
    if (!declared.at("scripts").is_boolean()) place.member("scripts").refuse("must be true or false");
    declaration.scripts = declared.at("scripts").get<bool>();
  }
  if (declared.contains("config")) {
    declaration.config = read_config(declared.at("config"), place.member("config"));
  }
  return declaration;
}

void declare_known_app(Json& package) {
  if (package.contains("opencat")) return;
  const std::string wanted = "data/apps/" + package.value("name", "") + ".json";
  for (const Asset& file : assets_under("data/apps/")) {
    if (file.name == wanted) package["opencat"] = Json::parse(file.bytes);
  }
}

}  // namespace opencat
