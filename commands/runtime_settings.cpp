// SPDX-License-Identifier: MIT
#include "commands/runtime_settings.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "bundle/node_version_file.hpp"
#include "opencat/assets.hpp"
#include "opencat/error.hpp"
#include "opencat/process.hpp"
#include "opencat/text.hpp"
#include "opencat/version.hpp"

namespace opencat {

namespace {

void refuse_plain_http(const std::string& url, const std::string& what, const HttpClientOptions& options) {
  if (options.plain_http == PlainHttp::anywhere || !is_plain_http_elsewhere(url)) return;
  throw Error(ErrorKind::usage, what + " " + url +
                                    " has no TLS: anybody on the way could change what comes. "
                                    "Use https, or say --allow-http");
}

}  // namespace

void RuntimeSettings::declare(Settings& settings) {
  settings.add({"--platform",
                {},
                "platforms",
                "The PC's system, e.g. win-x64 or linux-arm64; may be given often; all: "
                "the five common ones (default: this machine's)",
                &platforms});
  settings.add({"--node-version",
                {"OPENCAT_NODE_VERSION"},
                "node.version",
                "lts, lts/jod, lts/-1, latest, 22, 22.14, 22.14.0, ^22, '>=20 <23'; auto: what .nvmrc, "
                ".node-version or engines.node in package.json says",
                &node_version});
  settings.add(
      {"--mirror",
       {"OPENCAT_NODE_MIRROR", "NODEJS_ORG_MIRROR", "NVM_NODEJS_ORG_MIRROR", "FNM_NODE_DIST_MIRROR",
        "npm_config_disturl"},
       "node.mirror",
       "A mirror of nodejs.org/dist; may be given often: the next is asked when one cannot be reached "
       "or has no such version",
       &mirrors});
  settings.add({"--source",
                {"OPENCAT_NODE_SOURCE"},
                "node.source",
                "Where runtimes come from; auto is dist, then npm when dist cannot be reached",
                &source,
                Unit::none,
                {"auto", "dist", "npm"}});
  settings.add({"--npm-registry",
                {"OPENCAT_NPM_REGISTRY"},
                "npm_registry",
                "An npm registry (default: what your npm is configured for)",
                &npm_registry});
  settings.add({"--cache-dir",
                {"OPENCAT_CACHE_DIR"},
                "cache_dir",
                "Where runtimes are kept (default: opencat in your cache folder)",
                &cache_dir});
  settings.add(
      {"--offline", {"OPENCAT_OFFLINE"}, "offline", "Use what is cached, never the network", &offline});
  settings.add(
      {"--require-signature",
       {"OPENCAT_REQUIRE_SIGNATURE"},
       "node.require_signature",
       "Take no runtime that a signature does not prove, wherever it is from (nodejs.org must sign anyway)",
       &require_signature});
  settings.add({"--keyring",
                {"OPENCAT_NODE_KEYRING"},
                "node.keyring",
                "A file with OpenPGP keys, instead of this build's and those of --update-keys",
                &keyring});
  settings.add({"--trust-key",
                {"OPENCAT_NODE_TRUSTED_KEYS"},
                "node.trusted_keys",
                "The whole fingerprint of a further key that may sign Node's releases; may be given often",
                &trusted_keys});
  settings.add({"--allow-http",
                {"OPENCAT_ALLOW_HTTP"},
                "allow_http",
                "Ask a mirror or registry on another machine without TLS",
                &allow_http});
  settings.add({"--cacert",
                {"OPENCAT_CACERT"},
                "cacert",
                "A PEM file with the certificates to trust, e.g. of a proxy that reads along (default: "
                "SSL_CERT_FILE, then the system's)",
                &ca_file});
  settings.add(
      {"--retries",
       {"OPENCAT_RETRIES"},
       "retries",
       "How often a request that broke off is made again, with growing pauses; a download goes on where "
       "it was",
       &retries,
       Unit::none,
       {},
       0,
       100});
  settings.add(
      {"--stall-timeout",
       {"OPENCAT_STALL_TIMEOUT"},
       "stall_timeout",
       "How long a transfer may bring nothing before it is broken off; it may last as long as it likes",
       &stall_timeout_s,
       Unit::seconds,
       {},
       1,
       3600});
}

NodeWish RuntimeSettings::chosen_wish(const Context& context, const std::filesystem::path& folder,
                                      const std::string& package_json) const {
  if (node_version != "auto") return NodeWish(node_version);
  NodeWish wish = folder.empty() ? node_wish_of_package(package_json, "the app") : node_wish_of(folder);
  context.output.say("the app asks for Node " + printable(wish.text()));
  return wish;
}

std::vector<Platform> RuntimeSettings::chosen_platforms() const {
  std::vector<Platform> chosen;
  const auto add = [&](const Platform& platform) {
    if (std::find(chosen.begin(), chosen.end(), platform) == chosen.end()) chosen.push_back(platform);
  };
  for (const std::string& given : platforms) {
    for (const std::string& name : split(given, ',')) {
      if (name == "all") {
        for (const Platform& platform : bundled_platforms()) add(platform);
      } else {
        add(parse_platform(name));
      }
    }
  }
  if (chosen.empty()) chosen.push_back(this_platform());
  return chosen;
}

std::filesystem::path RuntimeSettings::chosen_cache(const Context& context) const {
  // Absolute: npm runs in another folder.
  return std::filesystem::absolute(cache_dir.empty() ? cache_folder(context.environment) : cache_dir);
}

ReleaseKeySources RuntimeSettings::release_keys(const Context& context) const {
  ReleaseKeySources sources;
  sources.keyring = keyring;
  sources.trusted = trusted_keys;
  // An account without a home has no keys of its own.
  const bool has_place = home_folder(context.environment) || context.environment.get("XDG_DATA_HOME");
  if (has_place) sources.own_file = data_folder(context.environment) / "node-release-keys.asc";
  return sources;
}

HttpClientOptions RuntimeSettings::http(const Context& context) const {
  HttpClientOptions options = http_options(context);
  if (!ca_file.empty()) {
    if (!std::filesystem::is_regular_file(ca_file)) {
      throw Error(ErrorKind::usage, "--cacert: there is no file " + ca_file.string());
    }
    options.ca_file = ca_file.string();
  }
  if (allow_http) options.plain_http = PlainHttp::anywhere;
  // A source that cannot be reached must be found out before the user gives up.
  options.limits.connect_timeout_ms = 5'000;
  options.limits.stall_timeout_ms = static_cast<std::uint32_t>(stall_timeout_s * 1000);
  options.retries = static_cast<int>(retries);
  return options;
}

std::vector<std::string> RuntimeSettings::chosen_mirrors() const {
  std::vector<std::string> chosen;
  for (const std::string& given : mirrors) {
    for (const std::string& url : split(given, ',')) {
      if (!trim(url).empty()) chosen.emplace_back(trim(url));
    }
  }
  if (chosen.empty()) chosen.emplace_back(official_dist);
  return chosen;
}

FetchPlan RuntimeSettings::plan(const Context& context) const {
  const HttpClientOptions options = http(context);
  const Signatures signatures = require_signature ? Signatures::required : Signatures::where_offered;
  FetchPlan plan;
  plan.offline = offline;
  plan.signatures = signatures;
  plan.prefer_known = mirrors.empty();
  const std::filesystem::path cache = chosen_cache(context);
  for (const std::string& base : chosen_mirrors()) {
    if (source == "npm") break;
    refuse_plain_http(base, "--mirror", options);
    const DistSourceOptions dist{base, options, signatures, release_keys(context), cache};
    plan.sources.push_back({[&context, dist] { return make_dist_source(dist, context.clock); }, true});
  }
  if (source != "dist") {
    const auto make = [this, &context, options, signatures, cache] {
      NpmConfig config = npm_config(context, npm_registry);
      // The flag says more than npm's cafile.
      if (!ca_file.empty()) config.ca_file.clear();
      refuse_plain_http(config.registry, "the npm registry", options);
      return make_npm_source({std::move(config), options, signatures, cache}, context.clock);
    };
    plan.sources.push_back({make, false});
  }
  return plan;
}

HttpClientOptions http_options(const Context& context) {
  HttpClientOptions options;
  options.user_agent = std::string("opencat/") + version();
  for (const char* name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    if (const auto file = context.environment.get(name)) options.ca_file = *file;
  }
  return options;
}

NpmConfig npm_config(const Context& context, const std::string& registry_flag) {
  const AskNpm ask = [&](const std::string& key) -> std::optional<std::string> {
    const auto npm = find_on_path(context.environment, "npm");
    if (!npm) return std::nullopt;
    ProcessRequest request;
    request.words = {npm->string(), "config", "get", key};
    request.environment = context.environment;
    request.standard_output = ProcessRequest::Stdout::capture;
    request.standard_error = ProcessRequest::Stderr::discard;
    const ProcessResult result = run_process(request, context.stop);
    const std::string answer(trim(result.output));
    return result.exit_code == 0 && answer.rfind("http", 0) == 0 ? std::optional(answer) : std::nullopt;
  };
  return load_npm_config(context.environment, std::filesystem::current_path(), registry_flag, ask);
}

nlohmann::json runtime_json(const Runtime& runtime) {
  return {{"platform", runtime.platform.name()},
          {"version", runtime.version.text()},
          {"npm_version", runtime.npm_version},
          {"path", runtime.path.string()},
          {"source", runtime.source},
          {"verified", runtime.verified},
          {"signed_by", runtime.signed_by.empty() ? nlohmann::json() : nlohmann::json(runtime.signed_by)},
          {"cached", runtime.cached},
          {"bytes", runtime.bytes}};
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool last = i + 1 == row.size();
      text += row[i] + (last ? "\n" : std::string(widths[i] + 2 - row[i].size(), ' '));
    }
  }
  return text;
}

}  // namespace opencat
