// SPDX-License-Identifier: MIT
#include "bundle/installer.hpp"

#include <algorithm>

#include "bundle/download.hpp"
#include "bundle/layout.hpp"
#include "opencat/archive_reader.hpp"
#include "opencat/digest.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/platform.hpp"
#include "opencat/process.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

constexpr const char* staging_prefix = ".staging-";

fs::path lock_file(const fs::path& prefix) { return prefix / ".install.lock"; }

/// The version that the launcher starts: it is the switch, and nothing else says what is in use. Without a
/// launcher there is none in use, but perhaps one to be uninstalled: any.
enum class WithoutLauncher { none, any };
std::optional<fs::path> current_version(const fs::path& prefix, WithoutLauncher otherwise) {
  std::string launcher;
  for (const char* name : {"opencat-chat", "opencat-chat.bat"}) {
    launcher += read_file_if_there(prefix / name).value_or("");
  }
  std::optional<fs::path> used;
  std::optional<fs::path> any;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(prefix / "versions", ignored)) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_directory() || name.rfind(staging_prefix, 0) == 0) continue;
    any = entry.path();
    // The longest name, for one may be the beginning of another.
    const bool longer = !used || used->filename().string().size() < name.size();
    if (launcher.find(name) != std::string::npos && longer) used = entry.path();
  }
  return used || otherwise == WithoutLauncher::none ? used : any;
}

/// Removes every version but `kept`, and what killed processes left.
void remove_others(const fs::path& versions, const fs::path& kept) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(versions, ignored)) {
    if (entry.is_directory() && entry.path() != kept) fs::remove_all(entry.path(), ignored);
  }
}

/// After a failure: what an installation that never came to be must not leave behind.
void remove_if_empty(const fs::path& prefix) {
  std::error_code ignored;
  fs::remove(prefix / "versions", ignored);
  for (const auto& entry : fs::directory_iterator(prefix, ignored)) {
    if (entry.path() != lock_file(prefix)) return;
  }
  fs::remove(lock_file(prefix), ignored);
  fs::remove(prefix, ignored);
}

/// The log of setup.mjs, which the error of an installation that failed names.
fs::path log_file(const fs::path& prefix) { return prefix / "logs" / "install.log"; }

void remove_empty_parts(const fs::path& prefix) {
  std::error_code not_empty;
  for (const char* name : {"data", "logs"}) fs::remove(prefix / name, not_empty);
  remove_if_empty(prefix);
}

/// The files inside `prefix` that data/receipt.json lists: after --keep-token the token alone.
std::vector<fs::path> listed_in_receipt(const fs::path& prefix) {
  std::vector<fs::path> files;
  const Json receipt =
      Json::parse(read_file_if_there(prefix / "data" / "receipt.json").value_or(""), nullptr, false);
  if (!receipt.is_object()) return files;
  for (const Json& entry : receipt.value("made", Json::array())) {
    const Json path = entry.is_object() ? entry.value("path", Json()) : Json();
    if (path.is_string() && is_safe_relative_path(path.get<std::string>())) {
      files.push_back(prefix / path.get<std::string>());
    }
  }
  return files;
}

/// What is there to uninstall without a version, whose setup.mjs would know: the log of an installation that
/// failed, and what --keep-token left.
enum class Token { keep, remove };
std::vector<fs::path> rest_of(const fs::path& prefix, Token token) {
  std::vector<fs::path> files{log_file(prefix), log_file(prefix).concat(".old")};
  if (token == Token::remove) {
    for (fs::path& file : listed_in_receipt(prefix)) files.push_back(std::move(file));
    files.push_back(prefix / "data" / "receipt.json");
  }
  files.erase(
      std::remove_if(files.begin(), files.end(), [](const fs::path& file) { return !fs::exists(file); }),
      files.end());
  return files;
}

/// "0.1.0-1a2b3c4d": the app's version and the start of the bundle's digest, in which a token of its own
/// counts.
std::string version_name(const fs::path& folder, const Json& bundle) {
  std::string name;
  for (const char c : bundle.at("app").at("version").get<std::string>().substr(0, 32)) {
    name += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' ? c : '_';
  }
  const std::string token = read_file_if_there(folder / layout::token_file).value_or("");
  return name + "-" + sha256_hex(read_file(folder / layout::bundle_file) + token).substr(0, 8);
}

/// Copies what bundle.json lists: scripts that were run there before have left more, which is none of ours.
void copy_listed(const fs::path& from, const fs::path& target) {
  const Json bundle =
      Json::parse(read_file_if_there(from / layout::bundle_file).value_or(""), nullptr, false);
  if (!bundle.is_object() || !bundle.value("files", Json()).is_object()) {
    throw Error(ErrorKind::integrity, from.string() + " holds no bundle: its " + layout::bundle_file +
                                          " is missing or cannot be read");
  }
  std::vector<std::string> names{layout::bundle_file, layout::token_file};
  for (const auto& [path, sum] : bundle.at("files").items()) names.push_back(path);
  for (const std::string& name : names) {
    // What is missing or no path at all is told by the check that follows.
    if (!is_safe_relative_path(name) || !fs::is_regular_file(fs::symlink_status(from / name))) continue;
    make_folders((target / name).parent_path());
    fs::copy_file(from / name, target / name);
  }
}

/// Gives the staged bundle its name among the versions. One that is there already and unchanged is used
/// again.
fs::path place(TemporaryFolder& staging, const fs::path& versions) {
  const std::string description = read_file(staging.path() / layout::bundle_file);
  const Json bundle = Json::parse(description);
  const std::string name = version_name(staging.path(), bundle);
  for (int i = 0;; ++i) {
    fs::path folder = versions / (i == 0 ? name : name + "." + std::to_string(i));
    if (!fs::exists(folder)) {
      staging.keep_as(folder);
      return folder;
    }
    // Installing left node_modules there, so only what the bundle lists is compared; a damaged one may be in
    // use, so the new one goes beside it.
    bool whole = read_file_if_there(folder / layout::bundle_file) == description;
    for (const auto& [path, sum] : bundle.at("files").items()) {
      whole =
          whole && fs::is_regular_file(folder / path) && sha256_file(folder / path) == sum.get<std::string>();
    }
    if (whole) return folder;
  }
}

Error setup_failed(int exit_code, const fs::path& prefix) {
  const std::string message =
      "the installation did not finish; the reason is above, and in " + log_file(prefix).string();
  for (const ErrorKind kind : {ErrorKind::usage, ErrorKind::network, ErrorKind::integrity,
                               ErrorKind::unauthorized, ErrorKind::interrupted}) {
    if (facts(kind).exit_code == exit_code) return Error(kind, message);
  }
  return Error(ErrorKind::failed, message, "setup.mjs ended with " + std::to_string(exit_code));
}

}  // namespace

void Installer::unpack(const std::string& bundle, const fs::path& target, const fs::path& scratch,
                       std::stop_token stop) {
  if (bundle.find("://") == std::string::npos && fs::is_directory(bundle)) return copy_listed(bundle, target);
  fs::path zip = bundle;
  if (bundle.find("://") != std::string::npos) {
    HttpClient client(http_);
    HttpRequest request;
    request.url = bundle;
    zip = scratch / "bundle.zip";
    download(client, request, zip, "the bundle", progress_, stop);
  } else if (!fs::exists(zip)) {
    throw Error(ErrorKind::usage, "there is no bundle " + bundle);
  }
  progress_.say("unpacking");
  const std::string root = std::string(layout::root) + "/";
  unpack_archive(
      zip, target, "this bundle",
      [&](const std::string& name) -> std::optional<std::string> {
        if (name == layout::root) return std::nullopt;
        if (name.rfind(root, 0) == 0) return name.substr(root.size());
        throw Error(ErrorKind::integrity, "this is no bundle: it holds '" + name + "'");
      },
      {}, stop);
}

ProcessRequest Installer::setup_request(const fs::path& folder, const fs::path& prefix,
                                        const std::vector<std::string>& options) const {
  ProcessRequest request;
  const fs::path node = folder / layout::node_folder / layout::node_program(this_platform());
  request.words = {node.string(), (folder / layout::setup).string(), "--home", prefix.string()};
  request.words.insert(request.words.end(), options.begin(), options.end());
  request.folder = folder;
  request.environment = environment_;
  return request;
}

Json Installer::run_setup(const fs::path& folder, const fs::path& prefix,
                          const std::vector<std::string>& options, bool json, std::stop_token stop) {
  ProcessRequest request = setup_request(folder, prefix, options);
  if (json) request.words.push_back("--json");
  request.standard_output = json ? ProcessRequest::Stdout::capture : ProcessRequest::Stdout::inherit;
  const ProcessResult result = run_process(request, stop);
  if (result.exit_code != 0) throw setup_failed(result.exit_code, prefix);
  return json ? Json::parse(result.output, nullptr, false) : Json();
}

void Installer::take_back(const fs::path& folder, const fs::path& prefix, bool had_data) {
  const auto log = read_file_if_there(log_file(prefix));
  std::vector<std::string> options{"--uninstall", "--quiet"};
  if (had_data) options.emplace_back("--keep-token");
  ProcessRequest request = setup_request(folder, prefix, options);
  request.standard_output = ProcessRequest::Stdout::capture;
  request.standard_error = ProcessRequest::Stderr::discard;
  // Also after Ctrl-C, hence without its stop. What fails here leaves more behind and is not the error to
  // tell.
  if (run_process(request).exit_code != 0 || !log) return;
  make_folders(prefix / "logs");
  write_file_atomically(log_file(prefix), *log, FileMode::secret);
}

InstallResult Installer::install(const InstallRequest& request, std::stop_token stop) {
  const FileLock lock(
      lock_file(request.prefix), FileLock::Wait::never,
      "another opencat is installing into " + request.prefix.string() + "; wait for it to end");
  const auto before = current_version(request.prefix, WithoutLauncher::none);
  const fs::path versions = request.prefix / "versions";
  try {
    make_folders(versions);
    if (before) remove_others(versions, *before);
    InstallResult result = install_locked(request, versions, stop);
    remove_others(versions, result.folder);
    return result;
  } catch (...) {
    // Looked up again: what fails after the launcher was written leaves the new version in use.
    const auto now = current_version(request.prefix, WithoutLauncher::none);
    if (now || !before) remove_others(versions, now.value_or(fs::path()));
    // Nobody reads why it ended after Ctrl-C.
    std::error_code ignored;
    if (!now && stop.stop_requested()) fs::remove(log_file(request.prefix), ignored);
    remove_empty_parts(request.prefix);
    if (!now) fs::remove(lock_file(request.prefix), ignored);
    throw;
  }
}

InstallResult Installer::install_locked(const InstallRequest& request, const fs::path& versions,
                                        std::stop_token stop) {
  TemporaryFolder scratch(versions, staging_prefix);
  TemporaryFolder staging(versions, staging_prefix);
  unpack(request.bundle, staging.path(), scratch.path(), stop);
  progress_.say("checking the bundle");
  check_bundle(staging.path(), stop);
  // Not the 0700 of a temporary folder: an administrator may install for others.
  fs::permissions(staging.path(), static_cast<fs::perms>(0755));
  const fs::path folder = place(staging, versions);
  const bool first = !current_version(request.prefix, WithoutLauncher::none);
  const bool had_data = fs::exists(request.prefix / "data");
  try {
    return {folder, run_setup(folder, request.prefix, request.setup_options, request.json, stop)};
  } catch (const Error&) {
    if (first && !current_version(request.prefix, WithoutLauncher::none)) {
      take_back(folder, request.prefix, had_data);
    }
    throw;
  }
}

void Installer::uninstall(const fs::path& prefix, const std::vector<std::string>& setup_options, bool json,
                          std::stop_token stop) {
  const auto folder = current_version(prefix, WithoutLauncher::any);
  const auto rest = rest_of(prefix, contains(setup_options, "--keep-token") ? Token::keep : Token::remove);
  if (!folder && rest.empty()) {
    throw Error(ErrorKind::usage,
                "nothing is installed in " + prefix.string() + "; name its folder with --prefix");
  }
  const FileLock lock(lock_file(prefix), FileLock::Wait::never,
                      "another opencat is at work in " + prefix.string() + "; wait for it to end");
  std::error_code ignored;
  if (folder) {
    std::vector<std::string> options{"--uninstall"};
    options.insert(options.end(), setup_options.begin(), setup_options.end());
    run_setup(*folder, prefix, options, json, stop);
    fs::remove_all(prefix / "versions");
  } else {
    for (const fs::path& file : rest) fs::remove(file, ignored);
  }
  remove_empty_parts(prefix);
  fs::remove(lock_file(prefix), ignored);
}

}  // namespace opencat
