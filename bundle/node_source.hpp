// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "bundle/node_release.hpp"
#include "bundle/npm_registry.hpp"
#include "bundle/release_keys.hpp"
#include "opencat/clock.hpp"
#include "opencat/platform.hpp"
#include "opencat/progress.hpp"

namespace opencat {

/// One runtime to be fetched.
struct RuntimeRequest {
  Version version;
  Platform platform;
  /// The npm that other platforms' runtimes of this version have; empty: not known.
  std::string known_npm_version;
  std::filesystem::path target;   ///< an empty folder that gets the runtime's files
  std::filesystem::path scratch;  ///< a folder for what is downloaded on the way
};

/// What a source says of a runtime that it fetched.
struct FetchedRuntime {
  std::string npm_version;
  std::string verified;   ///< one of the texts of verified_by()
  std::string signed_by;  ///< the fingerprint or key id of who signed; empty: nobody
};

/// A place that Node runtimes come from.
class NodeSource {
 public:
  virtual ~NodeSource() = default;
  virtual std::string name() const = 0;     ///< "dist" or "npm"
  virtual std::string address() const = 0;  ///< its base URL

  /// The releases that it has for any of the platforms; each says for which.
  virtual std::vector<NodeRelease> releases(const std::vector<Platform>& platforms, std::stop_token stop) = 0;

  /// Whether releases() would answer without asking anybody.
  virtual bool knows_releases(const std::vector<Platform>& platforms) const = 0;

  /// Fetches and verifies, and lays the runtime out as the official archives do, without what a user's PC
  /// does not need: headers (half of the bytes), manual pages, corepack, and the symlinks bin/npm and bin/npx
  /// (npm is started as `node npm-cli.js`; a bundle has no links). npm is kept whole.
  ///
  /// Throws Error(network or timeout) when it cannot be reached, Error(integrity) when the bytes are not what
  /// was promised, Error(usage) when it has no such runtime.
  virtual FetchedRuntime fetch(const RuntimeRequest& request, Progress& progress, std::stop_token stop) = 0;
};

/// The official place, which a mirror copies.
inline constexpr const char* official_dist = "https://nodejs.org/dist";

/// Whether a source must prove by a signature what it serves. Where one is offered it must be right either
/// way.
enum class Signatures { where_offered, required };

/// "sha256+signature", or "sha256 (checksum only)": what the bytes were proved with. A checksum that comes
/// from where the bytes come from shows that they arrived whole, not that they are Node's.
std::string verified_by(const char* digest, bool with_signature);
bool is_signed(const std::string& verified);

struct DistSourceOptions {
  std::string base_url = official_dist;
  HttpClientOptions http;
  Signatures signatures = Signatures::where_offered;  ///< from nodejs.org they are required anyway
  ReleaseKeySources keys;
  std::filesystem::path cache;  ///< the folder for lists of releases
};

/// nodejs.org's layout: index.json, and vX.Y.Z/ with SHASUMS256.txt, its OpenPGP signature (.sig, detached,
/// or .asc, clear-signed), and archives.
std::unique_ptr<NodeSource> make_dist_source(DistSourceOptions options, Clock& clock);

struct NpmSourceOptions {
  NpmConfig config;
  HttpClientOptions http;
  Signatures signatures = Signatures::where_offered;
  std::filesystem::path cache;  ///< the folder for lists of versions
};

/// The npm registry: node-<platform> packages and the npm package.
std::unique_ptr<NodeSource> make_npm_source(NpmSourceOptions options, Clock& clock);

/// The version of the npm in a runtime's folder; throws Error(integrity) when there is none.
std::string installed_npm_version(const std::filesystem::path& runtime, const Platform& platform);

}  // namespace opencat
