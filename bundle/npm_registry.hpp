// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "bundle/document_cache.hpp"
#include "bundle/downloads.hpp"
#include "bundle/npm_config.hpp"
#include "bundle/semver.hpp"
#include "opencat/clock.hpp"
#include "opencat/http_client.hpp"
#include "opencat/progress.hpp"

namespace opencat {

/// A registry's signature of one version.
struct NpmSignature {
  std::string keyid;
  std::string signature;  ///< base64
};

/// One version of a package, which may be a pre-release, and where its files are.
struct NpmRelease {
  std::string name;
  std::string version_text;
  std::string tarball;    ///< its address
  std::string sha512;     ///< base64, from dist.integrity; empty: not said
  std::string integrity;  ///< the whole of dist.integrity, which is what was signed
  std::vector<NpmSignature> signatures;

  std::string title() const { return name + "@" + version_text; }
};

/// A release, as the registry describes it.
struct NpmPackage : NpmRelease {
  Version version;
  std::string engines_node;  ///< the range of Node versions it accepts; empty: not said
};

/// The release in what the registry says of one version.
NpmRelease release_of(const nlohmann::json& document, const std::string& name, const std::string& version);

/// The registry's API (https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md). Any thread may call
/// it.
class NpmRegistry {
 public:
  /// With `documents`, lists of versions are kept there.
  NpmRegistry(NpmConfig config, HttpClientOptions http, Clock& clock, DocumentCache* documents = nullptr);
  ~NpmRegistry();

  const NpmConfig& config() const { return config_; }

  /// The package's document, abbreviated where the registry can (".../docs/responses/package-metadata.md"
  /// there): "dist-tags", and "versions" with what an installation needs. Throws Error(not_found).
  nlohmann::json document(const std::string& name, std::stop_token stop);

  /// Every release of the package. Throws Error(not_found) when there is no such package.
  std::vector<NpmPackage> versions(const std::string& name, std::stop_token stop);

  /// Whether versions() would answer without asking.
  bool knows_versions(const std::string& name) const;

  /// One version: an answer of one kilobyte, where the list of all may have megabytes. Throws Error(usage)
  /// when there is no such version.
  NpmPackage package(const std::string& name, const Version& version, std::stop_token stop);

  /// Checks the registry's own signatures of the package, where it offers some and the keys to them
  /// (https://docs.npmjs.com/about-registry-signatures), as npm does: a key that has expired since counts for
  /// what was published before. Gives back the id of the key; "" when there is nothing to check. Throws
  /// Error(integrity) when one is wrong.
  std::string check_signature(const NpmRelease& package, std::stop_token stop);

  /// What to ask for the tarball, and its sha512. Throws Error(integrity) when the registry promises none:
  /// what only has a SHA-1 proves nothing.
  Download tarball(const NpmRelease& package) const;
  HttpClient& http() { return http_; }

 private:
  HttpRequest request_for(const std::string& url) const;
  HttpRequest list_request(const std::string& name) const;
  struct Keys;
  const Keys& keys(const std::string& registry, std::stop_token stop);
  std::string published_at(const NpmRelease& package, std::stop_token stop);

  NpmConfig config_;
  HttpClient http_;
  Clock& clock_;
  DocumentCache* documents_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Keys>> keys_;  ///< by registry
};

}  // namespace opencat
