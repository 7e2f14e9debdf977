// SPDX-License-Identifier: MIT
#include "commands/upstream_settings.hpp"

#include <nlohmann/json.hpp>

#include "commands/settings_table.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/text.hpp"

namespace opencat {

using Json = nlohmann::json;

namespace {

constexpr std::uint64_t max_key_bytes = 16 << 10;

const std::vector<std::string> known{"name",   "kind",    "url",      "key",    "key_env",       "key_file",
                                     "models", "aliases", "priority", "weight", "max_concurrent"};

std::string key_of(const SettingsTable& table, const Environment& environment,
                   const std::filesystem::path& folder) {
  if (table.has("key") + table.has("key_env") + table.has("key_file") > 1) {
    table.refuse("wants its key once: 'key', 'key_env' or 'key_file'");
  }
  if (const std::string name = table.text("key_env"); !name.empty()) {
    const auto value = environment.get(name);
    if (!value || trim(*value).empty()) table.refuse("takes its key from " + name + ", which is not set");
    return std::string(trim(*value));
  }
  if (const std::string name = table.text("key_file"); !name.empty()) {
    const auto text = read_file_if_there(folder / name, max_key_bytes);
    if (!text || trim(*text).empty()) table.refuse("takes its key from " + name + ", which holds none");
    return std::string(trim(*text));
  }
  return table.text("key");
}

UpstreamConfig read_upstream(const SettingsTable& table, const Environment& environment,
                             const std::filesystem::path& folder) {
  UpstreamConfig config;
  config.name = table.text("name");
  const std::string kind = table.text("kind");
  if (kind == "anthropic") {
    config.kind = UpstreamKind::anthropic;
  } else if (kind == "demo") {
    config.kind = UpstreamKind::demo;
  } else if (!kind.empty() && kind != "openai") {
    table.refuse("wants openai, anthropic or demo for 'kind', not '" + kind + "'");
  }
  const bool demo = config.kind == UpstreamKind::demo;
  config.base_url = table.text("url");
  if (config.base_url.empty() && !demo) table.refuse("wants its base URL as 'url'");
  config.key = key_of(table, environment, folder);
  config.models = table.texts("models");
  if (demo) config.models = {demo_model};
  if (config.models.empty()) table.refuse("wants at least one of its models in 'models'");
  config.aliases = table.pairs("aliases");
  config.priority = table.number("priority", 1, 1);
  config.weight = table.number("weight", 1, 1);
  config.max_concurrent = static_cast<std::size_t>(table.number("max_concurrent", 0, 0));
  return config;
}

}  // namespace

std::vector<UpstreamConfig> read_upstreams(const Json& list, const TransferLimits& limits,
                                           const Environment& environment,
                                           const std::filesystem::path& folder) {
  std::vector<UpstreamConfig> upstreams;
  if (list.is_null()) return upstreams;
  if (!list.is_array()) throw Error(ErrorKind::usage, "'upstreams' must be a list of tables: [[upstreams]]");
  for (const Json& item : list) {
    const std::string number = std::to_string(upstreams.size() + 1);
    UpstreamConfig config =
        read_upstream(SettingsTable(item, "upstream " + number, "[[upstreams]]", known), environment, folder);
    if (config.name.empty()) config.name = "upstream-" + number;
    config.limits = limits;
    upstreams.push_back(std::move(config));
  }
  return upstreams;
}

}  // namespace opencat
