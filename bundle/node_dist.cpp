// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "bundle/document_cache.hpp"
#include "bundle/layout.hpp"
#include "bundle/node_checksums.hpp"
#include "bundle/node_source.hpp"
#include "bundle/unpack.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace {

using Json = nlohmann::json;

/// The platform in index.json's "files", which still call macOS by its older name.
std::string index_name(const Platform& platform) {
  if (platform.os == "darwin") return "osx-" + platform.cpu + "-tar";
  if (platform.is_windows()) return "win-" + platform.cpu + "-zip";
  return platform.name();
}

std::string archive_stem(const Version& version, const Platform& platform) {
  return "node-v" + version.text() + "-" + platform.name();
}

/// Whether an archive's entry belongs into a bundle (see NodeSource::fetch).
bool is_wanted(const std::string& path, const Platform& platform) {
  if (path == "LICENSE" || path == "README.md" || path == layout::node_program(platform)) return true;
  const std::string npm = layout::npm_folder(platform);
  if (path == npm || path.rfind(npm + "/", 0) == 0) return true;
  if (!platform.is_windows() || path.find('/') != std::string::npos) return false;
  return path.rfind("npm", 0) == 0 || path.rfind("npx", 0) == 0;
}

class DistSource : public NodeSource {
 public:
  DistSource(DistSourceOptions options, Clock& clock)
      : options_(std::move(options)),
        http_(options_.http),
        checksums_(options_, http_, clock),
        documents_(options_.cache / "index", clock),
        downloads_(options_.cache / "downloads", http_) {}

  std::string name() const override { return "dist"; }
  std::string address() const override { return options_.base_url; }

  std::vector<NodeRelease> releases(const std::vector<Platform>& platforms, std::stop_token stop) override {
    const HttpRequest request = index_request();
    const Json index = documents_.get(http_, request, "the list of Node releases", std::move(stop));
    std::vector<NodeRelease> found;
    try {
      for (const Json& row : index) {
        const auto version = parse_version(row.at("version").get<std::string>());
        std::vector<Platform> there = offered(row.at("files"), platforms);
        if (!version || there.empty()) continue;
        const Json lts = row.value("lts", Json(false));
        found.push_back({*version, lts.is_string(), lts.is_string() ? lts.get<std::string>() : "",
                         row.value("npm", ""), std::move(there)});
      }
    } catch (const Json::exception& problem) {
      throw Error(ErrorKind::integrity, request.url + " is no list of Node releases", problem.what());
    }
    return found;
  }

  bool knows_releases(const std::vector<Platform>&) const override {
    return documents_.is_fresh(index_request());
  }

  FetchedRuntime fetch(const RuntimeRequest& request, Progress& progress, std::stop_token stop) override {
    const std::string stem = archive_stem(request.version, request.platform);
    const std::string file_name = stem + (request.platform.is_windows() ? ".zip" : ".tar.gz");
    const NodeChecksums& checksums = checksums_.of(request.version, stop);
    const auto sum = checksums.sha256.find(file_name);
    if (sum == checksums.sha256.end()) {
      throw Error(ErrorKind::usage,
                  "Node " + request.version.text() + " at " + options_.base_url + " has no " + file_name);
    }
    Download download{file_name, {}, {DigestKind::sha256, sum->second}};
    download.request.url = options_.base_url + "/v" + request.version.text() + "/" + file_name;
    const PlaceEntry place = [&](const std::string& name) -> std::optional<std::string> {
      if (name.rfind(stem + "/", 0) != 0) return std::nullopt;
      const std::string path = name.substr(stem.size() + 1);
      return is_wanted(path, request.platform) ? std::optional(path) : std::nullopt;
    };
    downloads_.fetch(download, unpack_into(request.target, file_name, place, stop), progress, stop);
    return {installed_npm_version(request.target, request.platform),
            verified_by("sha256", !checksums.signed_by.empty()), checksums.signed_by};
  }

 private:
  HttpRequest index_request() const {
    HttpRequest request;
    request.url = options_.base_url + "/index.json";
    return request;
  }

  static std::vector<Platform> offered(const Json& files, const std::vector<Platform>& platforms) {
    std::vector<Platform> there;
    for (const Platform& platform : platforms) {
      if (std::find(files.begin(), files.end(), index_name(platform)) != files.end()) {
        there.push_back(platform);
      }
    }
    return there;
  }

  DistSourceOptions options_;
  HttpClient http_;
  NodeChecksumReader checksums_;
  DocumentCache documents_;
  Downloads downloads_;
};

}  // namespace

std::unique_ptr<NodeSource> make_dist_source(DistSourceOptions options, Clock& clock) {
  options.base_url = checked_base_url(options.base_url, "--mirror");
  return std::make_unique<DistSource>(std::move(options), clock);
}

std::string verified_by(const char* digest, bool with_signature) {
  return std::string(digest) + (with_signature ? "+signature" : " (checksum only)");
}

bool is_signed(const std::string& verified) { return verified.ends_with("+signature"); }

std::string installed_npm_version(const std::filesystem::path& runtime, const Platform& platform) {
  const auto text = read_file_if_there(runtime / layout::npm_folder(platform) / "package.json");
  const auto description = Json::parse(text.value_or(""), nullptr, false);
  if (!description.is_object() || !description.value("version", Json()).is_string()) {
    throw Error(ErrorKind::integrity, "the runtime that came has no npm; use another source");
  }
  return description.at("version").get<std::string>();
}

}  // namespace opencat
