// SPDX-License-Identifier: MIT
#include "bundle/app.hpp"

#include <fstream>

#include "bundle/app_declaration.hpp"
#include "bundle/runtime_cache.hpp"
#include "opencat/archive_reader.hpp"
#include "opencat/assets.hpp"
#include "opencat/descriptor.hpp"
#include "opencat/digest.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/file_names.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

std::string text_at(const Json& document, const char* pointer) {
  const Json::json_pointer at(pointer);
  return document.contains(at) && document.at(at).is_string() ? document.at(at).get<std::string>() : "";
}

/// Whether npm has something to install for the package.
bool has_dependencies(const Json& package) {
  for (const char* kind : {"dependencies", "optionalDependencies", "peerDependencies"}) {
    if (package.contains(kind) && !package.at(kind).empty()) return true;
  }
  return false;
}

/// What every package.json must say, and its declaration.
App describe(const Json& package, const std::string& where) {
  if (!package.is_object()) throw Error(ErrorKind::usage, where + " is no JSON object");
  App app;
  app.name = text_at(package, "/name");
  app.version = text_at(package, "/version");
  for (const auto& [member, value] : {std::pair("name", app.name), std::pair("version", app.version)}) {
    if (value.empty()) throw Error(ErrorKind::usage, where + " must have a \"" + member + "\"");
  }
  app.engines_node = text_at(package, "/engines/node");
  app.has_dependencies = has_dependencies(package);
  AppDeclaration declared = read_declaration(package, where);
  app.start = std::move(declared.start);
  app.title = std::move(declared.name);
  app.scripts = declared.scripts;
  app.config = std::move(declared.config);
  if (app.start.empty() && !text_at(package, "/main").empty()) app.start = {text_at(package, "/main")};
  return app;
}

App describe(const std::string& package_json, const std::string& where) {
  App app = describe(Json::parse(package_json, nullptr, false), where);
  app.package_json = package_json;
  return app;
}

[[noreturn]] void refuse_without_start(const std::string& where) {
  throw Error(ErrorKind::usage,
              where + " does not say what to start: add \"opencat\": {\"start\": [\"main.mjs\"]}");
}

/// What may be started must be there, and the user must be able to tell what is wrong.
App checked(App app, const std::string& where) {
  if (app.start.empty()) refuse_without_start(where);
  if (app.start.front().rfind("./", 0) == 0) app.start.front().erase(0, 2);
  for (const ZipEntry& entry : app.files) {
    if (entry.name == app.start.front()) return app;
  }
  throw Error(ErrorKind::usage, where + " starts '" + app.start.front() + "', which is not there");
}

unsigned mode_of(const fs::directory_entry& entry) {
  return descriptor::is_executable(entry.path()) ? 0755 : 0644;
}

/// The package's command of its own name, or its only one; empty: neither.
std::string command_of(const Json& package) {
  const Json bin = package.value("bin", Json());
  if (bin.is_string()) return bin.get<std::string>();
  if (!bin.is_object()) return {};
  const std::string name = text_at(package, "/name");
  const Json own = bin.value(name.substr(name.find('/') + 1), Json());
  if (own.is_string()) return own.get<std::string>();
  return bin.size() == 1 && bin.front().is_string() ? bin.front().get<std::string>() : std::string();
}

/// What an unpacked package starts, and its arguments, from where npm puts it below the app's folder.
std::vector<std::string> started_by(const Json& package, std::vector<std::string> start,
                                    const fs::path& unpacked, const NpmRelease& release) {
  const bool declared = package.value("opencat", Json::object()).contains("start");
  if (!declared && !command_of(package).empty()) start = {command_of(package)};
  if (start.empty()) {
    throw Error(ErrorKind::usage, release.title() +
                                      " has no command and no main file, so there is nothing to start: name "
                                      "another package, or a folder that uses this one");
  }
  std::string script = start.front();
  if (script.rfind("./", 0) == 0) script.erase(0, 2);
  if (!is_safe_relative_path(script) || !fs::is_regular_file(unpacked / script)) {
    throw Error(ErrorKind::usage,
                release.title() + " starts '" + printable(script) + "', which is not there");
  }
  start.front() = "node_modules/" + release.name + "/" + script;
  return start;
}

/// The package.json of an unpacked package, with the declaration that is built in for it.
Json package_of(const fs::path& unpacked, const NpmRelease& release) {
  Json package = Json::parse(read_file_if_there(unpacked / "package.json").value_or(""), nullptr, false);
  if (!package.is_object() || text_at(package, "/name") != release.name ||
      text_at(package, "/version") != release.version_text) {
    throw Error(ErrorKind::integrity, "the package.json in " + release.title() +
                                          " is missing or another package's; use another registry");
  }
  declare_known_app(package);
  return package;
}

/// The app's own package.json, whose one dependency is the tarball.
Json wrapper(const App& app, const std::string& tarball) {
  Json package{{"name", "opencat-app"},
               {"version", app.version},
               {"private", true},
               {"dependencies", {{app.name, "file:" + tarball}}}};
  if (!app.engines_node.empty()) package["engines"] = {{"node", app.engines_node}};
  return package;
}

/// The lock of a wrapper whose package has no dependencies: nothing is to be resolved, so no npm is needed.
Json lock_of_one(const Json& wrapper, const NpmRelease& release, const std::string& tarball) {
  Json root = wrapper;
  root.erase("private");
  return {{"name", wrapper.at("name")},
          {"version", wrapper.at("version")},
          {"lockfileVersion", 3},
          {"requires", true},
          {"packages",
           {{"", root},
            {"node_modules/" + release.name,
             {{"version", release.version_text},
              {"resolved", "file:" + tarball},
              {"integrity", "sha512-" + release.sha512}}}}}};
}

std::string tarball_name(const NpmRelease& release) {
  std::string name = release.name + "-" + release.version_text + ".tgz";
  if (name.front() == '@') name.erase(0, 1);
  for (char& c : name) {
    if (c == '/') c = '-';
  }
  return name;
}

std::string sha512_of_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  Digest digest(DigestKind::sha512);
  std::vector<char> buffer(1 << 16);
  while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), in.gcount() > 0) {
    digest.update({buffer.data(), static_cast<std::size_t>(in.gcount())});
  }
  return to_base64(digest.finish());
}

Json document_of(NpmRegistry& registry, const NpmWish& wish, std::stop_token stop) {
  try {
    return registry.document(wish.name, std::move(stop));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found) throw;
    throw Error(ErrorKind::usage,
                "the npm registry " + registry.config().registry_of(wish.name) + " has no package " +
                    wish.name + "; is the name right, and is it the right registry (--npm-registry, .npmrc)?",
                error.detail());
  }
}

/// The tarball in the cache, fetched when it is not there or was damaged. It appears there when it is proved.
fs::path cached_tarball(NpmRegistry& registry, const NpmRelease& release, const fs::path& cache_folder,
                        Progress& progress, std::stop_token stop) {
  fs::path kept = cache_folder / cached_packages / (sha256_hex(release.sha512).substr(0, 32) + ".tgz");
  if (fs::is_regular_file(kept) && sha512_of_file(kept) == release.sha512) {
    // RuntimeCache::remove_leftovers() goes by it.
    std::error_code ignored;
    fs::last_write_time(kept, fs::file_time_type::clock::now(), ignored);
    return kept;
  }
  Downloads downloads(cache_folder / "downloads", registry.http());
  const auto fresh = downloads.fetch(registry.tarball(release), {}, progress, std::move(stop));
  make_folders(kept.parent_path());
  rename_file(fresh->path(), kept);
  return kept;
}

/// Unpacks what npm would, without the folder that all in a package's tarball is under. Looked through as a
/// whole before it goes to anybody.
void unpack_package(const fs::path& tarball, const fs::path& folder, const std::string& title,
                    std::stop_token stop) {
  make_folders(folder);
  unpack_archive(
      tarball, folder, title,
      [](const std::string& name) -> std::optional<std::string> {
        const std::size_t slash = name.find('/');
        return slash == std::string::npos ? std::nullopt : std::optional(name.substr(slash + 1));
      },
      {}, std::move(stop));
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
  app.folder = folder;
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

App app_of_package(NpmRegistry& registry, const NpmWish& wish, Signatures signatures,
                   const fs::path& cache_folder, Progress& progress, std::stop_token stop) {
  const NpmRelease release = choose_release(document_of(registry, wish, stop), wish);
  if (registry.check_signature(release, stop).empty() && signatures == Signatures::required) {
    throw Error(ErrorKind::integrity, "the npm registry has no signature of " + release.title() +
                                          ", and --require-signature wants one");
  }
  make_folders(cache_folder, 0700);
  const TemporaryFolder scratch(cache_folder, app_scratch_prefix);
  const fs::path tarball = cached_tarball(registry, release, cache_folder, progress, stop);
  const fs::path unpacked = scratch.path() / "package";
  unpack_package(tarball, unpacked, release.title(), stop);

  const Json package = package_of(unpacked, release);
  App app = describe(package, "the package.json of " + release.title());
  app.start = started_by(package, std::move(app.start), unpacked, release);
  const std::string file = tarball_name(release);
  const Json own = wrapper(app, file);
  app.has_dependencies = true;
  app.package_json = own.dump(2) + "\n";
  app.files.push_back({"package.json", 0644, app.package_json});
  if (!has_dependencies(package)) {
    app.files.push_back({"package-lock.json", 0644, lock_of_one(own, release, file).dump(2) + "\n"});
  }
  app.tarballs.push_back({file, 0644, tarball});
  return app;
}

}  // namespace opencat
