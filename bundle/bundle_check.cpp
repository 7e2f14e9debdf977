// SPDX-License-Identifier: MIT
#include "bundle/bundle_check.hpp"

#include <algorithm>
#include <atomic>
#include <vector>

#include "bundle/layout.hpp"
#include "opencat/digest.hpp"
#include "opencat/error.hpp"
#include "opencat/file_names.hpp"
#include "opencat/parallel.hpp"
#include "opencat/platform.hpp"

namespace opencat {

namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorKind::integrity, "this bundle is damaged or was changed: " + why + "; get it again");
}

struct ListedFile {
  std::string path;
  std::string sha256;
  std::uintmax_t size = 0;  ///< on the disk; 0 for what is missing
};

/// The largest first, so that no thread begins with it when the others are done.
std::vector<ListedFile> listed_files(const fs::path& folder, const Json& bundle) {
  std::vector<ListedFile> files;
  for (const auto& [path, sum] : bundle.at("files").items()) {
    std::error_code missing;
    const std::uintmax_t size = fs::file_size(folder / path, missing);
    files.push_back({path, sum.get<std::string>(), missing ? 0 : size});
  }
  std::stable_sort(files.begin(), files.end(),
                   [](const ListedFile& a, const ListedFile& b) { return a.size > b.size; });
  return files;
}

bool is_plain_file(const fs::path& file) {
  std::error_code missing;
  return fs::is_regular_file(fs::symlink_status(file, missing));
}

}  // namespace

Json check_description(const std::optional<std::string>& text) {
  if (!text)
    throw Error(ErrorKind::integrity, "this is no bundle: it has no " + std::string(layout::bundle_file));
  Json bundle = Json::parse(*text, nullptr, false);
  if (!bundle.is_object() || !bundle.value("files", Json()).is_object() ||
      !bundle.value("platform", Json()).is_string() || !bundle.value("app", Json()).is_object() ||
      !bundle.at("app").value("version", Json()).is_string()) {
    refuse(std::string(layout::bundle_file) + " cannot be read");
  }
  if (bundle.value("format", Json()) != Json(layout::format)) {
    throw Error(ErrorKind::integrity,
                "this bundle is of a format that this opencat does not know; get a newer opencat");
  }
  const std::string platform = bundle.at("platform").get<std::string>();
  if (platform != this_platform().name()) {
    throw Error(ErrorKind::usage, "this bundle is for " + platform + ", and this PC is " +
                                      this_platform().name() + ": get opencat-portable-" +
                                      this_platform().name() + ".zip");
  }
  for (const auto& [path, sum] : bundle.at("files").items()) {
    if (!is_safe_relative_path(path)) refuse("it lists '" + path + "'");
    if (!sum.is_string()) refuse(path + " differs");
  }
  for (const std::string& needed : {std::string(layout::setup), std::string(layout::node_folder) + "/" +
                                                                    layout::node_program(this_platform())}) {
    if (!bundle.at("files").contains(needed)) refuse(needed + " is missing");
  }
  return bundle;
}

bool has_all_files(const fs::path& folder, const Json& bundle, std::stop_token stop) {
  const std::vector<ListedFile> files = listed_files(folder, bundle);
  std::atomic<bool> whole{true};
  in_parallel(files.size(), 0, stop, [&](std::size_t i, const std::stop_token&) {
    if (!whole) return;
    const fs::path file = folder / files[i].path;
    if (!is_plain_file(file) || sha256_file(file) != files[i].sha256) whole = false;
  });
  return whole;
}

void check_files(const fs::path& folder, const Json& bundle, const std::set<std::string>& known,
                 std::stop_token stop) {
  std::set<std::string> listed{layout::bundle_file, layout::token_file};
  const std::vector<ListedFile> files = listed_files(folder, bundle);
  for (const ListedFile& file : files) listed.insert(file.path);
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_directory() && !entry.is_symlink()) continue;
    const std::string path = entry.path().lexically_relative(folder).generic_string();
    if (listed.count(path) == 0) refuse(path + " is not of it");
  }
  in_parallel(files.size(), 0, stop, [&](std::size_t i, const std::stop_token&) {
    const auto& [path, sum, size] = files[i];
    if (known.count(path) != 0) return;
    if (!is_plain_file(folder / path)) refuse(path + " is missing");
    if (sha256_file(folder / path) != sum) refuse(path + " differs");
  });
}

}  // namespace opencat
