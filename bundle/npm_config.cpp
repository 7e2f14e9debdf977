// SPDX-License-Identifier: MIT
#include "bundle/npm_config.hpp"

#include <algorithm>
#include <vector>

#include "opencat/descriptor.hpp"
#include "opencat/digest.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/http_client.hpp"
#include "opencat/platform.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace fs = std::filesystem;

namespace {

using Values = std::map<std::string, std::string>;

struct Layer {
  std::string origin;
  Values values;
};

/// npm reads npm_config_* without regard to case, "_" standing for "-"; an empty one counts as unset.
Layer environment_layer(const Environment& environment) {
  Layer layer{"environment", {}};
  for (const auto& [name, value] : environment.all()) {
    if (value.empty() || lower(name).rfind("npm_config_", 0) != 0) continue;
    std::string key = name.substr(std::string_view("npm_config_").size());
    if (key.rfind("//", 0) != 0) {
      key = lower(key);
      if (key.front() != '_') std::replace(key.begin() + 1, key.end(), '_', '-');
    }
    layer.values[key] = value;
  }
  return layer;
}

void add_file(std::vector<Layer>& layers, const fs::path& file, const Environment& environment) {
  std::error_code ignored;
  if (file.empty() || !fs::is_regular_file(file, ignored)) return;
  const auto text = read_file_if_there(file, 1 << 20);
  if (text) layers.push_back({file.string(), parse_npmrc(*text, environment)});
}

std::string value_of(const std::vector<Layer>& layers, const std::string& key,
                     std::string* origin = nullptr) {
  for (const Layer& layer : layers) {
    const auto found = layer.values.find(key);
    if (found == layer.values.end() || found->second.empty()) continue;
    if (origin != nullptr) *origin = layer.origin;
    return found->second;
  }
  return {};
}

/// The files in npm's order. The user's may be named by the environment, the global one by the user's, too.
std::vector<Layer> read_layers(const Environment& environment, const fs::path& folder) {
  std::vector<Layer> layers{environment_layer(environment)};
  add_file(layers, folder / ".npmrc", environment);
  std::string user_file = value_of({layers.front()}, "userconfig");
  const auto home = home_folder(environment);
  if (user_file.empty() && home) user_file = (*home / ".npmrc").string();
  if (fs::path(user_file) != folder / ".npmrc") add_file(layers, user_file, environment);
  fs::path global_file = value_of(layers, "globalconfig");
  if (global_file.empty()) {
    std::string prefix = value_of(layers, "prefix");
    const auto roaming = environment.get("APPDATA");
    if (prefix.empty() && roaming && this_platform().is_windows()) prefix = *roaming + "/npm";
    const auto node = find_on_path(environment, "node");
    if (prefix.empty() && node) prefix = node->parent_path().parent_path().string();
    if (!prefix.empty()) global_file = fs::path(prefix) / "etc" / "npmrc";
  }
  add_file(layers, global_file, environment);
  return layers;
}

/// The header that one file's entries for an address make: a token wins over `_auth`, and that over a name
/// and password, of which the latter is base64 in the file.
std::string authorization_of(const Layer& layer, const std::string& address) {
  const auto value = [&](const char* name) { return value_of({layer}, address + ":" + name); };
  if (const std::string token = value("_authToken"); !token.empty()) return "Bearer " + token;
  if (const std::string both = value("_auth"); !both.empty()) return "Basic " + both;
  const std::string user = value("username");
  const auto password = from_base64(value("_password"));
  if (user.empty() || !password || password->empty()) return {};
  const std::string plain = user + ":" + std::string(password->begin(), password->end());
  return "Basic " + to_base64({reinterpret_cast<const unsigned char*>(plain.data()), plain.size()});
}

/// Puts the nearest layer's secrets over those of the layers behind it.
void collect_authorizations(const std::vector<Layer>& layers, NpmConfig& config) {
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    for (const auto& [key, value] : layer->values) {
      const std::size_t colon = key.rfind(':');
      if (key.rfind("//", 0) != 0 || colon == std::string::npos) continue;
      const std::string address = key.substr(0, colon);
      const std::string authorization = authorization_of(*layer, address);
      if (!authorization.empty()) config.authorizations[address] = authorization;
    }
  }
}

void collect_scopes(const std::vector<Layer>& layers, NpmConfig& config) {
  constexpr std::string_view end = ":registry";
  for (const Layer& layer : layers) {
    for (const auto& [key, value] : layer.values) {
      if (key.front() != '@' || key.size() <= end.size() || value.empty()) continue;
      if (key.substr(key.size() - end.size()) != end) continue;
      config.scopes.try_emplace(key.substr(0, key.size() - end.size()),
                                checked_base_url(value, key + " (from " + layer.origin + ")"));
    }
  }
}

}  // namespace

std::string NpmConfig::authorization_for(const std::string& url) const {
  const std::size_t slashes = url.find("//");
  if (slashes == std::string::npos) return {};
  const std::string address = url.substr(slashes);
  std::string best;
  std::string value;
  for (const auto& [prefix, authorization] : authorizations) {
    // With its slash, so that //host.example does not serve //host.example.evil.
    const std::string whole = prefix.back() == '/' ? prefix : prefix + "/";
    if (address.rfind(whole, 0) != 0 || whole.size() <= best.size()) continue;
    best = whole;
    value = authorization;
  }
  return value;
}

const std::string& NpmConfig::registry_of(const std::string& package) const {
  const auto found =
      package.front() == '@' ? scopes.find(package.substr(0, package.find('/'))) : scopes.end();
  return found != scopes.end() ? found->second : registry;
}

NpmConfig load_npm_config(const Environment& environment, const fs::path& folder,
                          const std::string& registry_flag, const AskNpm& ask_npm) {
  const std::vector<Layer> layers = read_layers(environment, folder);
  NpmConfig config;
  config.ca_file = value_of(layers, "cafile");
  config.proxy = value_of(layers, "https-proxy");
  if (config.proxy.empty()) config.proxy = value_of(layers, "proxy");
  config.no_proxy = value_of(layers, "noproxy");
  std::string origin;
  if (value_of(layers, "strict-ssl", &origin) == "false") config.unchecked_tls_wanted_by = origin;
  collect_scopes(layers, config);
  collect_authorizations(layers, config);
  config.registry = registry_flag;
  config.origin = "--npm-registry";
  if (config.registry.empty()) config.registry = value_of(layers, "registry", &config.origin);
  if (config.registry.empty()) {
    config.registry = ask_npm("registry").value_or("");
    config.origin = "npm";
  }
  if (config.registry.empty()) {
    throw Error(ErrorKind::usage,
                "no npm registry is known: name one with --npm-registry, or set it with "
                "'npm config set registry URL' or the variable npm_config_registry");
  }
  config.registry = checked_base_url(config.registry, "the npm registry (from " + config.origin + ")");
  return config;
}

Environment npm_environment(const Environment& environment, const fs::path& folder) {
  std::vector<Layer> project;
  add_file(project, folder / ".npmrc", environment);
  const Layer given = environment_layer(environment);
  Environment result = environment;
  for (const Layer& layer : project) {
    for (const auto& [key, value] : layer.values) {
      if (given.values.count(key) == 0) result.set("npm_config_" + key, value);
    }
  }
  return result;
}

std::map<std::string, std::string> parse_npmrc(const std::string& text, const Environment& environment) {
  Values values;
  for (const std::string& raw : split(text, '\n')) {
    const std::string_view line = trim(raw);
    const std::size_t equals = line.find('=');
    if (line.empty() || line[0] == '#' || line[0] == ';' || equals == line.npos) continue;
    std::string value(trim(line.substr(equals + 1)));
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
        value.back() == value.front()) {
      value = value.substr(1, value.size() - 2);
    }
    for (std::size_t begin = 0; (begin = value.find("${", begin)) != std::string::npos;) {
      const std::size_t end = value.find('}', begin);
      if (end == std::string::npos) break;
      const auto known = environment.get(value.substr(begin + 2, end - begin - 2));
      // As npm: an unknown variable stays as it is written.
      if (known) value.replace(begin, end - begin + 1, *known);
      begin = known ? begin + known->size() : end;
    }
    values[std::string(trim(line.substr(0, equals)))] = value;
  }
  return values;
}

std::optional<fs::path> find_on_path(const Environment& environment, const std::string& program) {
  const bool windows = this_platform().is_windows();
  for (const std::string& folder : split(environment.get("PATH").value_or(""), windows ? ';' : ':')) {
    if (folder.empty()) continue;
    // What Windows calls a program; npm is a batch file there, which is not started.
    const fs::path file = fs::path(folder) / (windows ? program + ".exe" : program);
    if (descriptor::may_start(file) && fs::is_regular_file(file)) return file;
  }
  return std::nullopt;
}

}  // namespace opencat
