// SPDX-License-Identifier: MIT
#include "bundle/npm_registry.hpp"

#include <map>

#include <nlohmann/json.hpp>

#include "bundle/download.hpp"
#include "opencat/ecdsa.hpp"
#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat {

using Json = nlohmann::json;

namespace {

std::string text_at(const Json& document, const char* pointer) {
  const Json::json_pointer where(pointer);
  if (!document.contains(where) || !document.at(where).is_string()) return {};
  return document.at(where).get<std::string>();
}

/// The sha512 in base64 among the digests of an integrity string (https://www.w3.org/TR/SRI); empty: none.
std::string sha512_of(const std::string& integrity) {
  for (const std::string& part : split(integrity, ' ')) {
    if (part.rfind("sha512-", 0) == 0) return part.substr(7, part.find('?') - 7);
  }
  return {};
}

}  // namespace

NpmRelease release_of(const Json& document, const std::string& name, const std::string& version) {
  const std::string integrity = text_at(document, "/dist/integrity");
  NpmRelease release{name, version, text_at(document, "/dist/tarball"), sha512_of(integrity), integrity, {}};
  const Json::json_pointer where("/dist/signatures");
  if (document.contains(where) && document.at(where).is_array()) {
    for (const Json& one : document.at(where)) {
      release.signatures.push_back({text_at(one, "/keyid"), text_at(one, "/sig")});
    }
  }
  return release;
}

namespace {

NpmPackage package_of(const Json& document, const std::string& name, const Version& version) {
  return {release_of(document, name, version.text()), version, text_at(document, "/engines/node")};
}

HttpClientOptions configured(HttpClientOptions options, const NpmConfig& config) {
  if (!config.ca_file.empty()) options.ca_file = config.ca_file;
  options.proxy = config.proxy;
  options.no_proxy = config.no_proxy;
  return options;
}

}  // namespace

struct NpmRegistry::Keys {
  struct Key {
    std::string key;      ///< base64
    std::string expires;  ///< as ISO 8601 in UTC; empty: never
  };
  std::map<std::string, Key> by_id;
};

NpmRegistry::NpmRegistry(NpmConfig config, HttpClientOptions http, Clock& clock, DocumentCache* documents)
    : config_(std::move(config)),
      http_(configured(std::move(http), config_)),
      clock_(clock),
      documents_(documents) {}

NpmRegistry::~NpmRegistry() = default;

HttpRequest NpmRegistry::request_for(const std::string& url) const {
  HttpRequest request;
  request.url = url;
  const std::string authorization = config_.authorization_for(url);
  if (!authorization.empty()) request.headers.emplace_back("Authorization", authorization);
  return request;
}

HttpRequest NpmRegistry::list_request(const std::string& name) const {
  HttpRequest request = request_for(config_.registry_of(name) + "/" + percent_encode(name));
  // The abbreviated document: a tenth of the whole one's size.
  request.headers.emplace_back("Accept", "application/vnd.npm.install-v1+json, application/json;q=0.8");
  return request;
}

bool NpmRegistry::knows_versions(const std::string& name) const {
  return documents_ != nullptr && documents_->is_fresh(list_request(name));
}

Json NpmRegistry::document(const std::string& name, std::stop_token stop) {
  const HttpRequest request = list_request(name);
  const std::string what = "the npm package " + name;
  return documents_ != nullptr ? documents_->get(http_, request, what, stop)
                               : get_json(http_, request, what, stop);
}

std::vector<NpmPackage> NpmRegistry::versions(const std::string& name, std::stop_token stop) {
  const Json document = this->document(name, std::move(stop));
  std::vector<NpmPackage> packages;
  // A name of its own: a range-for over a temporary's items() would outlive it.
  const Json listed = document.value("versions", Json::object());
  for (const auto& [text, described] : listed.items()) {
    const auto version = parse_version(text);
    if (version) packages.push_back(package_of(described, name, *version));
  }
  return packages;
}

NpmPackage NpmRegistry::package(const std::string& name, const Version& version, std::stop_token stop) {
  const std::string title = name + "@" + version.text();
  try {
    const HttpRequest request =
        request_for(config_.registry_of(name) + "/" + percent_encode(name) + "/" + version.text());
    return package_of(get_json(http_, request, "the npm package " + title, std::move(stop)), name, version);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found) throw;
    throw Error(ErrorKind::usage, "the npm registry has no " + title, error.detail());
  }
}

const NpmRegistry::Keys& NpmRegistry::keys(const std::string& registry, std::stop_token stop) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Keys>& kept = keys_[registry];
  if (kept) return *kept;
  auto keys = std::make_unique<Keys>();
  HttpRequest request = request_for(registry + "/-/npm/v1/keys");
  request.max_body_bytes = 1u << 20;
  const HttpResponse response = http_.send(request, std::move(stop));
  // As npm: a registry that passes signatures on but no keys (most mirrors) offers nothing to check.
  if (response.status != 404 && response.status != 400) {
    expect_success(response, "the npm registry's signing keys");
    const Json document = Json::parse(response.body, nullptr, false);
    if (!document.is_object() || !document.contains("keys") || !document.at("keys").is_array()) {
      throw Error(ErrorKind::integrity, request.url + " holds no signing keys; use another registry");
    }
    for (const Json& row : document.at("keys")) {
      keys->by_id[text_at(row, "/keyid")] = {text_at(row, "/key"), text_at(row, "/expires")};
    }
  }
  kept = std::move(keys);
  return *kept;
}

std::string NpmRegistry::published_at(const NpmRelease& package, std::stop_token stop) {
  const HttpRequest request =
      request_for(config_.registry_of(package.name) + "/" + percent_encode(package.name));
  const Json document = get_json(http_, request, "the npm package " + package.name, std::move(stop));
  const Json times = document.is_object() ? document.value("time", Json::object()) : Json::object();
  return times.is_object() ? times.value(package.version_text, "") : std::string();
}

std::string NpmRegistry::check_signature(const NpmRelease& package, std::stop_token stop) {
  if (package.signatures.empty()) return {};
  const Keys& known = keys(config_.registry_of(package.name), stop);
  if (known.by_id.empty()) return {};
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorKind::integrity,
                "the npm registry's signature of " + package.title() + " " + why + "; use another registry",
                "from " + config_.registry_of(package.name));
  };
  // To the second, which both have in the same form.
  const auto second = [](const std::string& time) { return time.substr(0, 19); };
  for (const NpmSignature& one : package.signatures) {
    const auto key = known.by_id.find(one.keyid);
    if (key == known.by_id.end()) {
      refuse("is by the key " + printable(one.keyid) + ", which is not the registry's");
    }
    const std::string& expires = key->second.expires;
    if (!expires.empty() && second(expires) <= second(iso8601(clock_.now()))) {
      // A package without a date is older than signing is, says npm.
      const std::string published = published_at(package, stop);
      if (!published.empty() && second(published) >= second(expires)) {
        refuse("is by a key that had expired when it was published");
      }
    }
    if (!is_ecdsa_signature(key->second.key, package.title() + ":" + package.integrity, one.signature)) {
      refuse("is wrong");
    }
  }
  return package.signatures.front().keyid;
}

Download NpmRegistry::tarball(const NpmRelease& package) const {
  const std::string title = package.title();
  if (package.sha512.empty() || package.tarball.empty()) {
    throw Error(ErrorKind::integrity, "the npm registry promises no sha512 for " + title +
                                          ", so that it cannot be verified; use another registry");
  }
  return {title, request_for(package.tarball), {DigestKind::sha512, package.sha512}};
}

}  // namespace opencat
