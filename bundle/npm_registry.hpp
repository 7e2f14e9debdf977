// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "bundle/npm_config.hpp"
#include "bundle/semver.hpp"
#include "opencat/http_client.hpp"
#include "opencat/progress.hpp"

namespace opencat {

/// One version of a package, as the registry describes it.
struct NpmPackage {
  std::string name;
  Version version;
  std::string tarball;       ///< its address
  std::string sha512;        ///< base64, from dist.integrity
  std::string engines_node;  ///< the range of Node versions it accepts; empty: not said
};

/// The sha512 in base64 among the digests of an integrity string (https://www.w3.org/TR/SRI); empty: none.
std::string sha512_of(const std::string& integrity);

/// The registry's API (https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md). Any thread may call
/// it.
class NpmRegistry {
 public:
  NpmRegistry(NpmConfig config, HttpClientOptions http);

  const NpmConfig& config() const { return config_; }

  /// The package's document, abbreviated where the registry can (".../docs/responses/package-metadata.md"
  /// there): "dist-tags", and "versions" with what an installation needs. Throws Error(not_found).
  nlohmann::json document(const std::string& name, std::stop_token stop);

  /// Every release of the package. Throws Error(not_found) when there is no such package.
  std::vector<NpmPackage> versions(const std::string& name, std::stop_token stop);

  /// One version: an answer of one kilobyte, where the list of all may have megabytes. Throws Error(usage)
  /// when there is no such version.
  NpmPackage package(const std::string& name, const Version& version, std::stop_token stop);

  /// Downloads the tarball, verified against the registry's sha512.
  void download(const NpmPackage& package, const std::filesystem::path& file, Progress& progress,
                std::stop_token stop);
  /// The same for a version that is no release, and of which `title` tells people. Its sha512 is base64;
  /// without one Error(integrity) is thrown: what only has a SHA-1 proves nothing.
  void download(const std::string& title, const std::string& tarball, const std::string& sha512,
                const std::filesystem::path& file, Progress& progress, std::stop_token stop);

 private:
  HttpRequest request_for(const std::string& url) const;
  NpmConfig config_;
  HttpClient http_;
};

}  // namespace opencat
