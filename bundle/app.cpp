// SPDX-License-Identifier: MIT
#include "bundle/app.hpp"

#include <nlohmann/json.hpp>

#include "bundle/layout.hpp"
#include "opencat/archive_reader.hpp"
#include "opencat/assets.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/process.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

App describe(const std::string& package_json, const std::string& where) {
  const Json package = Json::parse(package_json, nullptr, false);
  if (!package.is_object()) throw Error(ErrorKind::usage, where + " is no JSON object");
  App app;
  try {
    app.name = package.at("name").get<std::string>();
    app.version = package.at("version").get<std::string>();
    const Json declared = package.value("opencat", Json::object());
    if (declared.contains("start")) {
      app.start = declared.at("start").get<std::vector<std::string>>();
    } else if (package.contains("main")) {
      app.start = {package.at("main").get<std::string>()};
    }
    const Json title = declared.value("title", Json{{"en", app.name}, {"zh", app.name}});
    for (const char* language : {"en", "zh"}) app.title[language] = title.at(language).get<std::string>();
  } catch (const Json::exception& problem) {
    throw Error(
        ErrorKind::usage,
        where +
            " must have a name, a version and, under \"opencat\", \"start\" and \"title\" with \"en\" and "
            "\"zh\"",
        problem.what());
  }
  if (app.start.empty()) {
    throw Error(ErrorKind::usage,
                where + " does not say what to start: add \"opencat\": {\"start\": [\"main.mjs\"]}");
  }
  return app;
}

/// What may be started must be there, and the user must be able to tell what is wrong.
App checked(App app, const std::string& where) {
  for (const ZipEntry& entry : app.files) {
    if (entry.name == app.start.front()) return app;
  }
  throw Error(ErrorKind::usage, where + " starts '" + app.start.front() + "', which is not there");
}

unsigned mode_of(const fs::directory_entry& entry) {
  return (entry.status().permissions() & fs::perms::owner_exec) != fs::perms::none ? 0755 : 0644;
}

ProcessRequest npm_ci(const Platform& target, const Runtime& host, const std::string& registry,
                      const fs::path& cache_folder, const Environment& environment, const fs::path& folder) {
  ProcessRequest request;
  request.folder = folder;
  request.environment = environment;
  request.standard_output = ProcessRequest::Stdout::to_stderr;
  request.words = {(host.path / layout::node_program(host.platform)).string(),
                   (host.path / layout::npm_program(host.platform)).string(),
                   "ci",
                   "--omit=dev",
                   "--ignore-scripts",
                   "--no-audit",
                   "--no-fund",
                   "--loglevel=error",
                   "--os=" + std::string(target.is_windows() ? "win32" : target.os),
                   "--cpu=" + target.cpu,
                   "--cache=" + (cache_folder / "npm").string()};
  // Its runtime is linked against glibc, so its dependencies must be, too.
  if (target.os == "linux") request.words.push_back("--libc=glibc");
  if (!registry.empty()) request.words.push_back("--registry=" + registry);
  return request;
}

}  // namespace

App built_in_app() {
  const std::string prefix = "templates/app/";
  App app = describe(std::string(asset(prefix + "package.json")), "the built-in app");
  for (const Asset& file : assets_under(prefix)) {
    app.files.push_back({std::string(file.name.substr(prefix.size())), 0644, std::string(file.bytes)});
  }
  return checked(std::move(app), "the built-in app");
}

App app_in_folder(const fs::path& folder) {
  const std::string where = (folder / "package.json").string();
  App app = describe(read_file(folder / "package.json"), where);
  for (auto it = fs::recursive_directory_iterator(folder); it != fs::recursive_directory_iterator(); ++it) {
    const std::string name = it->path().filename().string();
    if (name == "node_modules" || name == ".git" || name == ".npmrc") {
      it.disable_recursion_pending();
      continue;
    }
    const std::string path = it->path().lexically_relative(folder).generic_string();
    if (it->is_symlink())
      throw Error(ErrorKind::usage, it->path().string() + " is a link; a bundle can have none");
    if (it->is_directory()) continue;
    if (!it->is_regular_file() || !is_safe_relative_path(path)) {
      throw Error(ErrorKind::usage, it->path().string() + " cannot be in a bundle");
    }
    app.files.push_back({path, mode_of(*it), it->path()});
  }
  return checked(std::move(app), where);
}

std::vector<ZipEntry> bundled_dependencies(const App& app, const Platform& target, const Runtime& host,
                                           const std::string& registry, const fs::path& cache_folder,
                                           const Environment& environment, const fs::path& scratch,
                                           std::stop_token stop) {
  for (const ZipEntry& file : app.files) {
    if (file.name != "package.json" && file.name != "package-lock.json") continue;
    const auto* path = std::get_if<fs::path>(&file.content);
    write_file_atomically(scratch / file.name,
                          path != nullptr ? read_file(*path) : std::get<std::string>(file.content),
                          FileMode::plain);
  }
  if (!fs::exists(scratch / "package-lock.json")) {
    throw Error(ErrorKind::usage,
                "--deps bundled needs the app's package-lock.json; make it with "
                "'npm install --package-lock-only'");
  }
  const int code =
      run_process(npm_ci(target, host, registry, cache_folder, environment, scratch), stop).exit_code;
  if (code != 0) {
    throw Error(ErrorKind::failed,
                "npm could not get the app's dependencies for " + target.name() + "; its own words are above",
                "npm ci ended with " + std::to_string(code));
  }
  std::vector<ZipEntry> entries;
  if (!fs::exists(scratch / "node_modules")) return entries;
  for (auto it = fs::recursive_directory_iterator(scratch / "node_modules");
       it != fs::recursive_directory_iterator(); ++it) {
    if (it->is_symlink() || it->path().filename() == ".bin") {
      it.disable_recursion_pending();
      continue;
    }
    if (!it->is_regular_file()) continue;
    entries.push_back({it->path().lexically_relative(scratch).generic_string(), mode_of(*it), it->path()});
  }
  return entries;
}

}  // namespace opencat
