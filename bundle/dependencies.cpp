// SPDX-License-Identifier: MIT
#include "bundle/dependencies.hpp"

#include <algorithm>

#include "bundle/layout.hpp"
#include "opencat/descriptor.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/process.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace fs = std::filesystem;

namespace {

const std::vector<std::string> lock_names{"npm-shrinkwrap.json", "package-lock.json"};

std::string bytes_of(const ZipEntry& entry) {
  const auto* path = std::get_if<fs::path>(&entry.content);
  return path != nullptr ? read_file(*path) : std::get<std::string>(entry.content);
}

/// What npm reads of an app: its package.json, its lock and the tarballs named there.
void lay_out(const App& app, const fs::path& folder) {
  make_folders(folder);
  for (const ZipEntry& file : app.files) {
    if (file.name != "package.json" && !contains(lock_names, file.name)) continue;
    write_file_atomically(folder / file.name, bytes_of(file), FileMode::plain);
  }
  for (const ZipEntry& tarball : app.tarballs) {
    fs::copy_file(std::get<fs::path>(tarball.content), folder / tarball.name);
  }
}

/// Runs npm in the folder; `what` names what could not be done when it fails.
void run_npm(const HostNpm& npm, std::vector<std::string> words, const fs::path& folder,
             const std::string& what, std::stop_token stop) {
  ProcessRequest request;
  request.folder = folder;
  request.environment = npm.environment;
  request.standard_output = ProcessRequest::Stdout::to_stderr;
  request.words = {(npm.runtime.path / layout::node_program(npm.runtime.platform)).string(),
                   (npm.runtime.path / layout::npm_program(npm.runtime.platform)).string()};
  const std::vector<std::string> always{"--ignore-scripts", "--no-audit",
                                        "--no-fund",        "--no-update-notifier",
                                        "--loglevel=error", "--cache=" + (npm.cache_folder / "npm").string()};
  request.words.insert(request.words.end(), words.begin(), words.end());
  request.words.insert(request.words.end(), always.begin(), always.end());
  if (!npm.registry.empty()) request.words.push_back("--registry=" + npm.registry);
  const int code = run_process(request, std::move(stop)).exit_code;
  if (code == 0) return;
  throw Error(ErrorKind::failed, "npm could not " + what + "; its own words are above",
              "npm " + words.front() + " ended with " + std::to_string(code));
}

std::vector<std::string> staging_words(const Platform& target) {
  std::vector<std::string> words{"ci", "--omit=dev", "--bin-links=false",
                                 "--os=" + std::string(target.is_windows() ? "win32" : target.os),
                                 "--cpu=" + target.cpu};
  // Its runtime is linked against glibc, so its dependencies must be, too.
  if (target.os == "linux") words.push_back("--libc=glibc");
  return words;
}

}  // namespace

bool lacks_lock(const App& app) {
  return app.has_dependencies && std::none_of(app.files.begin(), app.files.end(), [](const ZipEntry& file) {
           return contains(lock_names, file.name);
         });
}

void lock_dependencies(App& app, const HostNpm& npm, const fs::path& scratch, std::stop_token stop) {
  lay_out(app, scratch);
  run_npm(npm, {"install", "--package-lock-only", "--omit-lockfile-registry-resolved=true"}, scratch,
          "find versions for the dependencies of " + app.name, std::move(stop));
  app.files.push_back({"package-lock.json", 0644, read_file(scratch / "package-lock.json")});
}

std::vector<ZipEntry> bundled_dependencies(const App& app, const Platform& target, const HostNpm& npm,
                                           const fs::path& scratch, std::stop_token stop) {
  std::vector<ZipEntry> entries;
  lay_out(app, scratch);
  run_npm(npm, staging_words(target), scratch, "get the app's dependencies for " + target.name(),
          std::move(stop));
  const fs::path modules = scratch / "node_modules";
  if (!fs::exists(modules)) return entries;
  for (auto it = fs::recursive_directory_iterator(modules); it != fs::recursive_directory_iterator(); ++it) {
    if (it->is_symlink() || it->path().filename() == ".bin") {
      it.disable_recursion_pending();
      continue;
    }
    const std::string name = it->path().lexically_relative(scratch).generic_string();
    if (!it->is_regular_file() || name == "node_modules/.package-lock.json") continue;
    const bool program = descriptor::is_executable(it->path());
    entries.push_back({name, program ? 0755u : 0644u, it->path()});
  }
  return entries;
}

}  // namespace opencat
