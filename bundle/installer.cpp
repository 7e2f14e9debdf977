// SPDX-License-Identifier: MIT
#include "bundle/installer.hpp"

#include <algorithm>
#include <mutex>

#include "bundle/bundle_check.hpp"
#include "bundle/bundle_download.hpp"
#include "bundle/layout.hpp"
#include "opencat/busy_file.hpp"
#include "opencat/digest.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/file_names.hpp"
#include "opencat/parallel.hpp"
#include "opencat/platform.hpp"
#include "opencat/process.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

bool is_url(const std::string& bundle) { return bundle.find("://") != std::string::npos; }

/// "0.1.0-1a2b3c4d": the app's version and the start of the bundle's digest, in which a token of its own
/// counts.
std::string version_name(const BundleSource& source, const Json& bundle) {
  std::string name;
  for (const char c : bundle.at("app").at("version").get<std::string>().substr(0, 32)) {
    name += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' ? c : '_';
  }
  return name + "-" + sha256_hex(source.description().value() + source.token().value_or("")).substr(0, 8);
}

/// Gives `staging` what the version before has of the same files, each proved anew, and says which. Linked,
/// for a copy takes the space and time of unpacking; where the file system has no links, it is unpacked.
std::set<std::string> link_known(const std::optional<fs::path>& before, const Json& bundle,
                                 const fs::path& staging, const std::stop_token& stop) {
  std::set<std::string> linked;
  if (!before) return linked;
  const Json old =
      Json::parse(read_file_if_there(*before / layout::bundle_file).value_or(""), nullptr, false);
  if (!old.is_object() || !old.value("files", Json()).is_object()) return linked;
  std::vector<std::pair<std::string, std::string>> same;
  for (const auto& [path, sum] : bundle.at("files").items()) {
    const auto known = old.at("files").find(path);
    if (known != old.at("files").end() && *known == sum) same.emplace_back(path, sum.get<std::string>());
  }
  std::mutex mutex;
  in_parallel(same.size(), 0, stop, [&](std::size_t i, const std::stop_token&) {
    const auto& [path, sum] = same[i];
    std::error_code failed;
    if (!fs::is_regular_file(fs::symlink_status(*before / path, failed))) return;
    if (sha256_file(*before / path) != sum) return;
    make_folders((staging / path).parent_path());
    fs::create_hard_link(*before / path, staging / path, failed);
    if (failed) return;
    const std::lock_guard lock(mutex);
    linked.insert(path);
  });
  return linked;
}

/// Removes the lock, and the prefix if nothing is left in it: Windows keeps the name of what is open.
void give_up(const Installed& installed, FileLock& lock) {
  std::error_code ignored;
  fs::remove(installed.lock(), ignored);
  lock.release();
  fs::remove(installed.prefix(), ignored);
}

Error setup_failed(int exit_code, const Installed& installed) {
  const std::string message =
      "the installation did not finish; the reason is above, and in " + installed.log().string();
  for (const ErrorKind kind : {ErrorKind::usage, ErrorKind::network, ErrorKind::integrity,
                               ErrorKind::unauthorized, ErrorKind::interrupted}) {
    if (facts(kind).exit_code == exit_code) return Error(kind, message);
  }
  return Error(ErrorKind::failed, message, "setup.mjs ended with " + std::to_string(exit_code));
}

}  // namespace

ProcessRequest Installer::setup_request(const fs::path& folder, const fs::path& prefix,
                                        const std::vector<std::string>& options) const {
  ProcessRequest request;
  const fs::path node = folder / layout::node_folder / layout::node_program(this_platform());
  request.words = {node.string(), (folder / layout::setup).string(), "--home", prefix.string()};
  request.words.insert(request.words.end(), options.begin(), options.end());
  request.folder = folder;
  request.environment = environment_;
  // As the doors of a bundle have it: Node would know neither the proxies nor the certificates of this PC.
  for (const char* name : {"NODE_USE_ENV_PROXY", "NODE_USE_SYSTEM_CA"}) {
    if (!environment_.get(name)) request.environment.set(name, "1");
  }
  return request;
}

Json Installer::run_setup(const fs::path& folder, const Installed& installed,
                          const std::vector<std::string>& options, bool json, std::stop_token stop) {
  ProcessRequest request = setup_request(folder, installed.prefix(), options);
  if (json) request.words.push_back("--json");
  request.standard_output = json ? ProcessRequest::Stdout::capture : ProcessRequest::Stdout::inherit;
  const ProcessResult result = run_process(request, stop);
  if (result.exit_code != 0) throw setup_failed(result.exit_code, installed);
  return json ? Json::parse(result.output, nullptr, false) : Json();
}

void Installer::take_back(const fs::path& folder, const Installed& installed, bool had_data) {
  const auto log = read_file_if_there(installed.log());
  std::vector<std::string> options{"--uninstall", "--quiet"};
  if (had_data) options.emplace_back("--keep-token");
  ProcessRequest request = setup_request(folder, installed.prefix(), options);
  request.standard_output = ProcessRequest::Stdout::capture;
  request.standard_error = ProcessRequest::Stderr::discard;
  // Also after Ctrl-C, hence without its stop. What fails here leaves more behind and is not the error to
  // tell.
  if (run_process(request).exit_code != 0 || !log) return;
  write_file_atomically(installed.log(), *log, FileMode::secret);
}

fs::path Installer::stage(BundleSource& source, const Json& bundle, const std::string& name,
                          const Installed& installed, std::stop_token stop) {
  TemporaryFolder staging(installed.versions(), Installed::staging_prefix);
  const auto linked = link_known(installed.current(), bundle, staging.path(), stop);
  progress_.say(linked.empty() ? "unpacking" : "unpacking what is new");
  source.put(staging.path(), linked, stop);
  progress_.say("checking the bundle");
  check_files(staging.path(), bundle, linked, stop);
  // Not the 0700 of a temporary folder: an administrator may install for others.
  fs::permissions(staging.path(), static_cast<fs::perms>(0755));
  for (int i = 0;; ++i) {
    // A damaged version of that name may be in use, so the new one goes beside it.
    fs::path folder = installed.versions() / (i == 0 ? name : name + "." + std::to_string(i));
    if (fs::exists(folder)) continue;
    staging.keep_as(folder);
    return folder;
  }
}

fs::path Installer::place(const std::string& bundle, const Installed& installed, std::stop_token stop) {
  const TemporaryFolder scratch(installed.versions(), Installed::staging_prefix);
  const auto source = BundleSource::open(bundle, scratch.path(), stop);
  const Json description = check_description(source->description());
  const std::string name = version_name(*source, description);
  // Installing left node_modules there, so only what the bundle lists is compared.
  for (int i = 0;; ++i) {
    fs::path folder = installed.versions() / (i == 0 ? name : name + "." + std::to_string(i));
    if (!fs::exists(folder)) break;
    if (read_file_if_there(folder / layout::bundle_file) != source->description()) continue;
    if (has_all_files(folder, description, stop)) return folder;
  }
  return stage(*source, description, name, installed, stop);
}

InstallResult Installer::install(const InstallRequest& request, std::stop_token stop) {
  const Installed installed(request.prefix);
  FileLock lock(installed.lock(), FileLock::Wait::never,
                "another opencat is installing into " + request.prefix.string() + "; wait for it to end");
  const auto before = installed.current();
  try {
    make_folders(installed.versions());
    if (before) installed.remove_versions_but(*before);
    InstallResult result = install_locked(request, installed, stop);
    installed.remove_versions_but(result.folder);
    return result;
  } catch (...) {
    // Looked up again: what fails after the launcher was written leaves the new version in use.
    const auto now = installed.current();
    if (now || !before) installed.remove_versions_but(now.value_or(fs::path()));
    // Nobody reads why it ended after Ctrl-C.
    std::error_code ignored;
    if (!now && stop.stop_requested()) fs::remove(installed.log(), ignored);
    installed.remove_empty_folders();
    if (!now) give_up(installed, lock);
    throw;
  }
}

InstallResult Installer::install_locked(const InstallRequest& request, const Installed& installed,
                                        std::stop_token stop) {
  BundleDownload download(installed.downloads(), request.bundle);
  std::string bundle = request.bundle;
  if (is_url(bundle)) {
    HttpClient client(http_);
    bundle = download.fetch(client, progress_, stop).string();
  }
  fs::path folder;
  try {
    folder = place(bundle, installed, stop);
  } catch (const Error& error) {
    // What is damaged, or another PC's, is of no use to the next try.
    const bool useless = error.kind() == ErrorKind::integrity || error.kind() == ErrorKind::usage;
    if (useless && is_url(request.bundle)) download.remove();
    throw;
  }
  const bool first = !installed.current();
  const bool had_data = fs::exists(request.prefix / "data");
  try {
    InstallResult result{folder, run_setup(folder, installed, request.setup_options, request.json, stop)};
    download.remove();
    return result;
  } catch (const Error&) {
    if (first && !installed.current()) take_back(folder, installed, had_data);
    throw;
  }
}

UninstallResult Installer::uninstall(const fs::path& prefix, const std::vector<std::string>& setup_options,
                                     bool json, std::stop_token stop) {
  const Installed installed(prefix);
  const auto folder = installed.current_or_any();
  UninstallResult result{folder.has_value(), installed.leftovers(contains(setup_options, "--keep-token")
                                                                     ? Installed::Token::keep
                                                                     : Installed::Token::remove)};
  if (!folder && result.leftovers.empty()) {
    throw Error(ErrorKind::usage,
                "nothing is installed in " + prefix.string() + "; name its folder with --prefix");
  }
  FileLock lock(installed.lock(), FileLock::Wait::never,
                "another opencat is at work in " + prefix.string() + "; wait for it to end");
  std::error_code ignored;
  if (folder) {
    result.leftovers.clear();
    std::vector<std::string> options{"--uninstall"};
    options.insert(options.end(), setup_options.begin(), setup_options.end());
    run_setup(*folder, installed, options, json, stop);
    for (const fs::path& ours : {installed.versions(), installed.downloads()}) {
      retry_while_busy("cannot remove " + ours.string(), [&] {
        std::error_code why;
        fs::remove_all(ours, why);
        return why;
      });
    }
  } else {
    for (const fs::path& file : result.leftovers) fs::remove(file, ignored);
  }
  installed.remove_empty_folders();
  give_up(installed, lock);
  return result;
}

}  // namespace opencat
