// SPDX-License-Identifier: MIT
#include "bundle/npm_registry.hpp"

#include <nlohmann/json.hpp>

#include "bundle/download.hpp"
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

}  // namespace

std::string sha512_of(const std::string& integrity) {
  for (const std::string& part : split(integrity, ' ')) {
    if (part.rfind("sha512-", 0) == 0) return part.substr(7, part.find('?') - 7);
  }
  return {};
}

namespace {

NpmPackage package_of(const Json& document, const std::string& name, const Version& version) {
  return {name, version, text_at(document, "/dist/tarball"), sha512_of(text_at(document, "/dist/integrity")),
          text_at(document, "/engines/node")};
}

HttpClientOptions configured(HttpClientOptions options, const NpmConfig& config) {
  if (!config.ca_file.empty()) options.ca_file = config.ca_file;
  options.proxy = config.proxy;
  options.no_proxy = config.no_proxy;
  return options;
}

}  // namespace

NpmRegistry::NpmRegistry(NpmConfig config, HttpClientOptions http)
    : config_(std::move(config)), http_(configured(std::move(http), config_)) {}

HttpRequest NpmRegistry::request_for(const std::string& url) const {
  HttpRequest request;
  request.url = url;
  const std::string authorization = config_.authorization_for(url);
  if (!authorization.empty()) request.headers.emplace_back("Authorization", authorization);
  return request;
}

Json NpmRegistry::document(const std::string& name, std::stop_token stop) {
  HttpRequest request = request_for(config_.registry_of(name) + "/" + percent_encode(name));
  // The abbreviated document: a tenth of the whole one's size.
  request.headers.emplace_back("Accept", "application/vnd.npm.install-v1+json, application/json;q=0.8");
  return get_json(http_, request, "the npm package " + name, std::move(stop));
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

void NpmRegistry::download(const NpmPackage& package, const std::filesystem::path& file, Progress& progress,
                           std::stop_token stop) {
  download(package.name + "@" + package.version.text(), package.tarball, package.sha512, file, progress,
           std::move(stop));
}

void NpmRegistry::download(const std::string& title, const std::string& tarball, const std::string& sha512,
                           const std::filesystem::path& file, Progress& progress, std::stop_token stop) {
  if (sha512.empty() || tarball.empty()) {
    throw Error(ErrorKind::integrity, "the npm registry promises no sha512 for " + title +
                                          ", so that it cannot be verified; use another registry");
  }
  download_verified(http_, request_for(tarball), {DigestKind::sha512, sha512}, file, title, progress,
                    std::move(stop));
}

}  // namespace opencat
