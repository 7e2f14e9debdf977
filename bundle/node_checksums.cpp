// SPDX-License-Identifier: MIT
#include "bundle/node_checksums.hpp"

#include "bundle/download.hpp"
#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace {

/// The longest list has 8 kilobytes.
constexpr std::uint64_t max_document = 1u << 20;

HttpRequest document(const std::string& url) {
  HttpRequest request;
  request.url = url;
  request.max_body_bytes = max_document;
  return request;
}

/// The file's content; nothing when there is none.
std::optional<std::string> get_if_there(HttpClient& http, const std::string& url, std::stop_token stop) {
  HttpResponse response = http.send(document(url), std::move(stop));
  if (response.status == 404) return std::nullopt;
  expect_success(response, url);
  return std::move(response.body);
}

}  // namespace

NodeChecksumReader::NodeChecksumReader(const DistSourceOptions& options, HttpClient& http, Clock& clock)
    : options_(options), http_(http), clock_(clock) {}

const KeyRing& NodeChecksumReader::keys() {
  if (!keys_) keys_ = load_release_keys(options_.keys);
  return *keys_;
}

const NodeChecksums& NodeChecksumReader::of(const Version& version, std::stop_token stop) {
  // Held while it is fetched: the platforms that ask at once all want the same answer.
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(version);
  if (found != known_.end()) return found->second;
  return known_.emplace(version, fetch(version, std::move(stop))).first->second;
}

NodeChecksums NodeChecksumReader::fetch(const Version& version, std::stop_token stop) {
  const std::string folder = options_.base_url + "/v" + version.text() + "/";
  auto text = get_if_there(http_, folder + "SHASUMS256.txt", stop);
  if (!text) {
    throw Error(ErrorKind::usage, "there is no Node " + version.text() + " at " + options_.base_url);
  }
  // Mirrors do serve empty ones: that is a failure, never "nothing to check".
  if (trim(*text).empty()) {
    throw Error(ErrorKind::integrity, folder +
                                          "SHASUMS256.txt is empty, so that nothing can be verified; use "
                                          "another mirror");
  }
  NodeChecksums checksums;
  checksums.signed_by = prove(folder, *text, std::move(stop));
  checksums.sha256 = parse_sha256_sums(*text);
  if (checksums.sha256.empty()) {
    throw Error(ErrorKind::integrity, folder + "SHASUMS256.txt is no list of checksums; use another mirror");
  }
  return checksums;
}

std::string NodeChecksumReader::prove(const std::string& folder, std::string& text, std::stop_token stop) {
  const std::string name = folder + "SHASUMS256.txt";
  try {
    if (const auto detached = get_if_there(http_, name + ".sig", stop)) {
      return keys().verify_detached(text, *detached, name, clock_.now());
    }
    if (const auto signed_text = get_if_there(http_, name + ".asc", stop)) {
      KeyRing::SignedText proved = keys().verify_clearsigned(*signed_text, name + ".asc", clock_.now());
      // What was signed is in there; the list beside it is proved by nothing.
      text = std::move(proved.text);
      return proved.fingerprint;
    }
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::integrity) throw;
    throw Error(ErrorKind::integrity,
                error.message() +
                    ". Nothing was fetched. If Node has new release keys, take them in with "
                    "'opencat fetch --update-keys'; else use another source",
                error.detail());
  }
  const bool official = host_of(name) == "nodejs.org";
  if (official || options_.signatures == Signatures::required) {
    throw Error(ErrorKind::integrity, name + " has no signature (neither .sig nor .asc), and " +
                                          (official ? "nodejs.org signs every release" : "one is required") +
                                          "; use another source");
  }
  return {};
}

}  // namespace opencat
