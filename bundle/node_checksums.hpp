// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "bundle/node_source.hpp"
#include "opencat/http_client.hpp"

namespace opencat {

/// What a release's SHASUMS256.txt says.
struct NodeChecksums {
  std::map<std::string, std::string> sha256;  ///< file name → lower-case hex
  std::string signed_by;                      ///< the key's fingerprint; empty: there is no signature
};

/// Fetches SHASUMS256.txt and proves it, once for each version. Any thread may call it.
class NodeChecksumReader {
 public:
  NodeChecksumReader(const DistSourceOptions& options, HttpClient& http, Clock& clock);

  /// Throws Error(usage) when the release is not there. Throws Error(integrity) when the list is empty or is
  /// none, when its signature does not count (KeyRing says when one does), and when it has none though one is
  /// required. Only 404 means that there is no signature; any other refusal is an error of its own.
  const NodeChecksums& of(const Version& version, std::stop_token stop);

 private:
  NodeChecksums fetch(const Version& version, std::stop_token stop);
  std::string prove(const std::string& folder, std::string& text, std::stop_token stop);
  const KeyRing& keys();

  const DistSourceOptions& options_;
  HttpClient& http_;
  Clock& clock_;
  std::mutex mutex_;
  std::unique_ptr<KeyRing> keys_;
  std::map<Version, NodeChecksums> known_;
};

}  // namespace opencat
