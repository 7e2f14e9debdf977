// SPDX-License-Identifier: MIT
#include "bundle/bundle_maker.hpp"

#include <charconv>

#include <nlohmann/json.hpp>

#include "bundle/layout.hpp"
#include "opencat/assets.hpp"
#include "opencat/digest.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/version.hpp"

namespace opencat {

namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// Whether a template serves the platform: each has doors of its own, and the rest is for all. Dot files are
/// the repository's, not the user's.
bool serves(std::string_view name, const Platform& platform) {
  if (name.substr(name.rfind('/') + 1).front() == '.') return false;
  if (ends_with(name, ".bat")) return platform.is_windows();
  if (ends_with(name, ".sh")) return !platform.is_windows();
  if (ends_with(name, ".command")) return platform.os == "darwin";
  return true;
}

std::string replaced(std::string text, const std::string& word, const std::string& value) {
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += value.size()) {
    text.replace(at, word.size(), value);
  }
  return text;
}

/// The install scripts, setup.mjs and what goes with them.
std::vector<ZipEntry> door(const Platform& platform, const BundlePlan& plan) {
  const std::string prefix = "templates/";
  std::vector<ZipEntry> entries;
  for (const Asset& file : assets_under(prefix)) {
    const std::string name(file.name.substr(prefix.size()));
    if (name.rfind("app/", 0) == 0 || !serves(name, platform)) continue;
    std::string bytes(file.bytes);
    if (name == "README.txt") {
      bytes = replaced(std::move(bytes), "{{server_url}}", plan.server_url);
      bytes = replaced(std::move(bytes), "{{title}}", plan.app.title.at("en"));
      bytes = replaced(std::move(bytes), "{{title_zh}}", plan.app.title.at("zh"));
    }
    const bool executable = ends_with(name, ".sh") || ends_with(name, ".command");
    entries.push_back({name, executable ? 0755u : 0644u, std::move(bytes)});
  }
  return entries;
}

std::string sum_of(const ZipEntry& entry) {
  const auto* path = std::get_if<fs::path>(&entry.content);
  return path != nullptr ? sha256_file(*path) : sha256_hex(std::get<std::string>(entry.content));
}

/// Moves the files of `ready` to `folder`, replacing what has their names there; when one cannot be moved,
/// all is put back. What they replace ends up in `aside`.
void move_all(const fs::path& ready, const fs::path& folder, const fs::path& aside) {
  std::vector<fs::path> names;
  for (const auto& entry : fs::directory_iterator(ready)) names.push_back(entry.path().filename());
  std::vector<fs::path> replaced;
  std::vector<fs::path> moved;
  try {
    for (const fs::path& name : names) {
      if (fs::is_directory(folder / name)) {
        throw Error(ErrorKind::failed, (folder / name).string() + " is a folder; move it away");
      }
      if (fs::exists(fs::symlink_status(folder / name))) {
        fs::rename(folder / name, aside / name);
        replaced.push_back(name);
      }
      fs::rename(ready / name, folder / name);
      moved.push_back(name);
    }
  } catch (...) {
    std::error_code ignored;
    for (const fs::path& name : moved) fs::rename(folder / name, ready / name, ignored);
    for (const fs::path& name : replaced) fs::rename(aside / name, folder / name, ignored);
    throw;
  }
}

Json or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

}  // namespace

std::vector<ZipEntry> BundleMaker::content(const Runtime& runtime, const fs::path& scratch, FileSums& sums,
                                           std::stop_token stop) const {
  std::vector<ZipEntry> entries = door(runtime.platform, plan_);
  const auto add_below = [&](const std::string& folder, std::vector<ZipEntry> files) {
    for (ZipEntry& file : files) {
      file.name = folder + "/" + file.name;
      entries.push_back(std::move(file));
    }
  };
  add_below(layout::app_folder, plan_.app.files);
  if (!plan_.bundled_dependencies) {
    add_below(layout::app_folder, plan_.app.tarballs);
  } else if (plan_.dependencies) {
    add_below(layout::app_folder, plan_.dependencies(runtime.platform, scratch));
  }
  for (const ZipEntry& entry : entries) sums[entry.name] = sum_of(entry);
  const fs::path packed = cache_.packed(runtime, progress_, stop);
  for (const auto& [path, sum] : cache_.sums(runtime)) {
    const auto permissions = fs::status(runtime.path / path).permissions();
    const bool executable = (permissions & fs::perms::owner_exec) != fs::perms::none;
    const std::string name = std::string(layout::node_folder) + "/" + path;
    entries.push_back({name, executable ? 0755u : 0644u, PackedFile{packed, path}});
    sums[name] = sum;
  }
  return entries;
}

Json BundleMaker::description(const Runtime& runtime, const FileSums& sums) const {
  return {{"format", layout::format},
          {"platform", runtime.platform.name()},
          {"opencat_version", version()},
          {"server_url", plan_.server_url},
          {"enroll_key", or_null(plan_.enroll_key)},
          {"node", {{"version", runtime.version.text()}, {"npm", runtime.npm_version}}},
          {"app",
           {{"name", plan_.app.name},
            {"version", plan_.app.version},
            {"deps", plan_.bundled_dependencies ? "bundled" : "install"},
            {"start", plan_.app.start},
            {"title", plan_.app.title},
            {"config", plan_.app.config}}},
          {"npm_registry", or_null(plan_.npm_registry)},
          {"label", or_null(plan_.label)},
          {"files", sums}};
}

MadeBundle BundleMaker::make_one(const Runtime& runtime, const fs::path& scratch, const fs::path& ready,
                                 IssuedTokens* issued, std::stop_token stop) {
  // What is damaged in the cache must not reach a user; and the sums taken from it are then right.
  cache_.verify(runtime, stop);
  const std::string name = layout::zip_name(runtime.platform);
  FileSums sums;
  std::vector<ZipEntry> entries = content(runtime, scratch / runtime.platform.name(), sums, stop);
  // It may hold the enrolment key.
  const unsigned mode = plan_.enroll_key.empty() ? 0644u : 0600u;
  entries.push_back({layout::bundle_file, mode, description(runtime, sums).dump(2) + "\n"});

  MadeBundle made;
  made.platform = runtime.platform;
  made.file = plan_.out_dir / name;
  std::string token;
  if (issued != nullptr) {
    const std::string install_id = random_uuid(entropy_);
    Json answer = tokens_->issue(runtime.platform, install_id, plan_.label, stop);
    token = answer.at("token").get<std::string>();
    issued->add(token);
    // Its public id; an older server does not tell it, and then nothing names the token but the server.
    made.token_id = answer.value("id", Json()).is_string() ? answer.at("id").get<std::string>() : "issued";
    answer["install_id"] = install_id;
    entries.push_back({layout::token_file, 0600, answer.dump(2) + "\n"});
  }
  for (ZipEntry& entry : entries) entry.name = std::string(layout::root) + "/" + entry.name;
  progress_.say("making " + name);
  const fs::path zip = ready / name;
  write_zip(std::move(entries), zip, plan_.time, name, progress_, stop);
  const bool secret = !token.empty() || !plan_.enroll_key.empty();
  fs::permissions(zip, static_cast<fs::perms>(secret ? 0600 : 0644));
  made.bytes = fs::file_size(zip);
  made.sha256 = sha256_file(zip);
  return made;
}

std::vector<MadeBundle> BundleMaker::make(const std::vector<Runtime>& runtimes, std::stop_token stop) {
  make_folders(plan_.out_dir);
  // In the same folder, so that the zips need only be renamed.
  const TemporaryFolder scratch(plan_.out_dir, ".making-");
  std::vector<MadeBundle> made;
  const fs::path ready = scratch.path() / "ready";
  const fs::path aside = scratch.path() / "aside";
  for (const fs::path& folder : {ready, aside}) make_folders(folder);
  std::optional<IssuedTokens> issued;
  if (tokens_ != nullptr) issued.emplace(*tokens_);
  for (const Runtime& runtime : runtimes) {
    made.push_back(make_one(runtime, scratch.path(), ready, issued ? &*issued : nullptr, stop));
  }
  write_lists(made, runtimes.front(), ready);
  if (stop.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted");
  move_all(ready, plan_.out_dir, aside);
  if (issued) issued->keep_all();
  return made;
}

void BundleMaker::write_lists(const std::vector<MadeBundle>& made, const Runtime& runtime,
                              const fs::path& ready) const {
  std::string sums;
  Json bundles = Json::array();
  for (const MadeBundle& one : made) {
    const std::string name = one.file.filename().string();
    sums += one.sha256 + "  " + name + "\n";
    bundles.push_back({{"file", name},
                       {"platform", one.platform.name()},
                       {"bytes", one.bytes},
                       {"sha256", one.sha256},
                       {"token_id", or_null(one.token_id)},
                       {"label", or_null(plan_.label)}});
  }
  const Json manifest{{"format", layout::format},
                      {"opencat_version", version()},
                      {"server_url", plan_.server_url},
                      {"node", {{"version", runtime.version.text()}, {"npm", runtime.npm_version}}},
                      {"app", {{"name", plan_.app.name}, {"version", plan_.app.version}}},
                      {"bundles", bundles}};
  write_file_atomically(ready / "SHA256SUMS", sums, FileMode::plain);
  write_file_atomically(ready / "manifest.json", manifest.dump(2) + "\n", FileMode::plain);
}

Time bundle_time(const Environment& environment) {
  const std::string text = environment.get("SOURCE_DATE_EPOCH").value_or("");
  std::int64_t seconds = 0;
  if (text.empty()) return Time{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  // Year 2100 is as far as every reader of the format's two words counts on.
  if (problem != std::errc{} || end != text.data() + text.size() || seconds < 0 || seconds > 4'102'444'800) {
    throw Error(ErrorKind::usage, "SOURCE_DATE_EPOCH wants seconds since 1970, not '" + text + "'");
  }
  return Time{std::chrono::seconds(seconds)};
}

}  // namespace opencat
