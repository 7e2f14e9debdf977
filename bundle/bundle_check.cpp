// SPDX-License-Identifier: MIT
#include <set>

#include "bundle/installer.hpp"
#include "bundle/layout.hpp"
#include "opencat/archive_reader.hpp"
#include "opencat/digest.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/platform.hpp"

namespace opencat {

namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorKind::integrity, "this bundle is damaged or was changed: " + why + "; get it again");
}

Json read_description(const fs::path& folder) {
  const auto text = read_file_if_there(folder / layout::bundle_file);
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
  return bundle;
}

}  // namespace

Json check_bundle(const fs::path& folder, std::stop_token stop) {
  Json bundle = read_description(folder);
  const std::string platform = bundle.at("platform").get<std::string>();
  if (platform != this_platform().name()) {
    throw Error(ErrorKind::usage, "this bundle is for " + platform + ", and this PC is " +
                                      this_platform().name() + ": get opencat-portable-" +
                                      this_platform().name() + ".zip");
  }
  std::set<std::string> listed{layout::bundle_file, layout::token_file};
  for (const auto& [path, sum] : bundle.at("files").items()) {
    if (stop.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted");
    if (!is_safe_relative_path(path)) refuse("it lists '" + path + "'");
    if (!fs::is_regular_file(fs::symlink_status(folder / path))) refuse(path + " is missing");
    if (!sum.is_string() || sha256_file(folder / path) != sum.get<std::string>()) refuse(path + " differs");
    listed.insert(path);
  }
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_directory() && !entry.is_symlink()) continue;
    const std::string path = entry.path().lexically_relative(folder).generic_string();
    if (listed.count(path) == 0) refuse(path + " is not of it");
  }
  for (const std::string& needed : {std::string(layout::setup), std::string(layout::node_folder) + "/" +
                                                                    layout::node_program(this_platform())}) {
    if (listed.count(needed) == 0) refuse(needed + " is missing");
  }
  return bundle;
}

}  // namespace opencat
