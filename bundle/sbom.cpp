// SPDX-License-Identifier: MIT
#include "bundle/sbom.hpp"

#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "bundle/layout.hpp"
#include "opencat/digest.hpp"
#include "opencat/file.hpp"
#include "opencat/text.hpp"
#include "opencat/version.hpp"

namespace opencat {

namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

std::string text_of(const Json& object, const char* name) {
  const Json value = object.is_object() ? object.value(name, Json()) : Json();
  return value.is_string() ? value.get<std::string>() : std::string();
}

/// https://github.com/package-url/purl-spec/blob/master/PURL-TYPES.rst#npm
std::string npm_purl(const std::string& name, const std::string& version) {
  const std::size_t slash = name.find('/');
  const std::string path = slash == std::string::npos ? percent_encode(name)
                                                      : percent_encode(name.substr(0, slash)) + "/" +
                                                            percent_encode(name.substr(slash + 1));
  return "pkg:npm/" + path + "@" + percent_encode(version);
}

Json npm_component(const std::string& name, const std::string& version, const std::string& license) {
  const std::string purl = npm_purl(name, version);
  Json component{{"type", "library"}, {"bom-ref", purl}, {"version", version}, {"purl", purl}};
  const std::size_t slash = name.find('/');
  component["name"] = name.substr(slash == std::string::npos ? 0 : slash + 1);
  if (slash != std::string::npos) component["group"] = name.substr(0, slash);
  if (!license.empty()) component["licenses"] = Json::array({{{"license", {{"name", license}}}}});
  return component;
}

/// The components and their dependencies, each once however often it is installed.
struct Parts {
  std::map<std::string, Json> components;
  std::map<std::string, std::set<std::string>> depends_on;
};

/// What a lock file (version 2 or 3: https://docs.npmjs.com/cli/configuring-npm/package-lock-json) names.
class Lock {
 public:
  explicit Lock(const Json& lock)
      : packages_(lock.is_object() ? lock.value("packages", Json::object()) : Json::object()) {}

  void add_to(Parts& parts, const std::string& root) const {
    for (const auto& [path, package] : packages_.items()) {
      if (!package.is_object() || is_development(package)) continue;
      const std::string from = path.empty() ? root : purl_of(path);
      if (!path.empty() && !package.value("link", false)) parts.components.try_emplace(from, component(path));
      for (const char* kind : {"dependencies", "optionalDependencies", "peerDependencies"}) {
        const Json named = package.value(kind, Json::object());
        for (const auto& [name, range] : named.items()) {
          const std::string to = resolve(path, name);
          if (!to.empty()) parts.depends_on[from].insert(purl_of(to));
        }
      }
    }
  }

 private:
  static bool is_development(const Json& package) {
    return package.value("dev", false) || package.value("devOptional", false);
  }

  std::string name_of(const std::string& path) const {
    const std::string own = text_of(packages_.at(path), "name");
    constexpr std::string_view folder = "node_modules/";
    return own.empty() ? path.substr(path.rfind(folder) + folder.size()) : own;
  }
  std::string purl_of(const std::string& path) const {
    return npm_purl(name_of(path), text_of(packages_.at(path), "version"));
  }

  Json component(const std::string& path) const {
    const Json& package = packages_.at(path);
    Json made = npm_component(name_of(path), text_of(package, "version"), text_of(package, "license"));
    const std::string integrity = text_of(package, "integrity");
    const auto digest = from_base64(integrity.rfind("sha512-", 0) == 0 ? integrity.substr(7) : "");
    if (digest && !digest->empty()) {
      made["hashes"] = Json::array({{{"alg", "SHA-512"}, {"content", to_hex(*digest)}}});
    }
    made["scope"] = package.value("optional", false) ? "optional" : "required";
    return made;
  }

  /// Where Node finds `name` from `path`: beside it or above. Empty: nowhere, as for what is optional.
  std::string resolve(std::string path, const std::string& name) const {
    for (;;) {
      std::string candidate = path.empty() ? "" : path + "/";
      candidate.append("node_modules/").append(name);
      if (packages_.contains(candidate) && !is_development(packages_.at(candidate))) return candidate;
      if (path.empty()) return {};
      const std::size_t above = path.rfind("/node_modules/");
      path = above == std::string::npos ? "" : path.substr(0, above);
    }
  }

  Json packages_;
};

/// npm and what it brings along, from the runtime's own files.
void add_npm(Parts& parts, const Runtime& runtime) {
  const fs::path folder = runtime.path / layout::npm_folder(runtime.platform);
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().filename() != "package.json") continue;
    // Only a package's own, below node_modules/NAME or node_modules/@SCOPE/NAME; it has others for itself.
    const fs::path above = entry.path().parent_path().parent_path();
    const bool is_package =
        above.filename() == "node_modules" || above.parent_path().filename() == "node_modules";
    if (!is_package) continue;
    const Json package = Json::parse(read_file(entry.path(), 1 << 20), nullptr, false);
    const std::string name = text_of(package, "name");
    const std::string version = text_of(package, "version");
    if (name.empty() || version.empty()) continue;
    parts.components.try_emplace(npm_purl(name, version),
                                 npm_component(name, version, text_of(package, "license")));
    const std::string npm = npm_purl("npm", runtime.npm_version);
    if (name != "npm") parts.depends_on[npm].insert(npm_purl(name, version));
  }
}

std::string add_node(Parts& parts, const RuntimeCache& cache, const Runtime& runtime) {
  const std::string version = runtime.version.text();
  std::string purl =
      "pkg:generic/node@" + version + "?arch=" + runtime.platform.cpu + "&os=" + runtime.platform.os;
  const FileSums sums = cache.sums(runtime);
  Json node{{"type", "platform"}, {"bom-ref", purl}, {"name", "node"}, {"version", version}, {"purl", purl}};
  if (const auto sum = sums.find(layout::node_program(runtime.platform)); sum != sums.end()) {
    node["hashes"] = Json::array({{{"alg", "SHA-256"}, {"content", sum->second}}});
  }
  parts.components.emplace(purl, node);
  return purl;
}

/// A program of opencat itself. Which version it is cannot be asked of another system's: its digest says it.
std::string add_opencat(Parts& parts, const std::string& platform, const std::string& program) {
  std::string purl = "pkg:generic/opencat?platform=" + platform;
  Json component{{"type", "application"}, {"bom-ref", purl}, {"name", "opencat"}, {"purl", purl}};
  component["hashes"] = Json::array({{{"alg", "SHA-256"}, {"content", sha256_hex(program)}}});
  parts.components.emplace(purl, component);
  return purl;
}

Json lock_of(const App& app) {
  for (const char* name : {"npm-shrinkwrap.json", "package-lock.json"}) {
    for (const ZipEntry& file : app.files) {
      if (file.name != name) continue;
      const auto* path = std::get_if<fs::path>(&file.content);
      return Json::parse(path != nullptr ? read_file(*path) : std::get<std::string>(file.content), nullptr,
                         false);
    }
  }
  return {};
}

/// A UUID of the document's own digest, in the form of version 8 (RFC 9562, section 5.8).
std::string serial_number(const Json& document) {
  std::string hex = sha256_hex(document.dump()).substr(0, 32);
  hex[12] = '8';
  hex[16] = "89ab"[hex[16] % 4];
  return "urn:uuid:" + hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20);
}

}  // namespace

std::string sbom(const BundlePlan& plan, const RuntimeCache& cache, const std::vector<Runtime>& runtimes) {
  Parts parts;
  const std::string root = "bundle:" + plan.app.name + "@" + plan.app.version;
  Lock(lock_of(plan.app)).add_to(parts, root);
  add_npm(parts, runtimes.front());
  for (const Runtime& runtime : runtimes) parts.depends_on[root].insert(add_node(parts, cache, runtime));
  parts.depends_on[root].insert(npm_purl("npm", runtimes.front().npm_version));
  for (const auto& [platform, program] : plan.opencat_programs) {
    parts.depends_on[root].insert(add_opencat(parts, platform, program));
  }

  Json document{{"bomFormat", "CycloneDX"}, {"specVersion", "1.5"}, {"version", 1}};
  document["metadata"] = {
      {"tools",
       {{"components",
         Json::array({{{"type", "application"}, {"name", "opencat"}, {"version", version()}}})}}},
      {"component",
       {{"type", "application"}, {"bom-ref", root}, {"name", plan.app.name}, {"version", plan.app.version}}}};
  if (plan.time != Time{}) document["metadata"]["timestamp"] = iso8601(plan.time);
  document["components"] = Json::array();
  for (const auto& [purl, component] : parts.components) document["components"].push_back(component);
  document["dependencies"] = Json::array();
  for (const auto& [from, to] : parts.depends_on) {
    Json known = Json::array();
    for (const std::string& one : to) {
      if (parts.components.count(one) != 0) known.push_back(one);
    }
    document["dependencies"].push_back({{"ref", from}, {"dependsOn", known}});
  }
  document["serialNumber"] = serial_number(document);
  return document.dump(2) + "\n";
}

}  // namespace opencat
