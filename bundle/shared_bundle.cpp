// SPDX-License-Identifier: MIT
#include "bundle/shared_bundle.hpp"

#include <nlohmann/json.hpp>

#include "bundle/bundle_content.hpp"
#include "bundle/layout.hpp"
#include "bundle/packed_runtime.hpp"
#include "opencat/error.hpp"
#include "opencat/version.hpp"

namespace opencat {

namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

std::string in_root(const std::string& name) { return std::string(layout::root) + "/" + name; }

std::string in_node(const std::string& path) { return std::string(layout::node_folder) + "/" + path; }

Json or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json describe(const BundlePlan& plan, const Runtime& runtime, const FileSums& sums) {
  return {{"format", layout::format},
          {"platform", runtime.platform.name()},
          {"opencat_version", version()},
          {"server_url", plan.server_url},
          {"enroll_key", or_null(plan.enroll_key)},
          {"node", {{"version", runtime.version.text()}, {"npm", runtime.npm_version}}},
          {"app",
           {{"name", plan.app.name},
            {"version", plan.app.version},
            {"deps", plan.bundled_dependencies ? "bundled" : "install"},
            {"start", plan.app.start},
            {"title", plan.app.title},
            {"scripts", plan.app.scripts},
            {"config", plan.app.config}}},
          {"npm_registry", or_null(plan.npm_registry)},
          {"label", nullptr},
          {"files", sums}};
}

/// Writes the shared entries of one bundle, and tells how far it is.
class Writing {
 public:
  Writing(ZipWriter& zip, std::string task, std::uint64_t total, Progress& progress,
          const std::stop_token& stop)
      : zip_(zip), task_(std::move(task)), total_(total), progress_(progress), stop_(stop) {}
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;
  ~Writing() { progress_.end(task_); }

  void add(const std::vector<ZipEntry>& entries, unsigned threads, FileSums& sums) {
    pack_entries(entries, threads, stop_, [&](const ZipEntry& entry, const PackedEntry& packed) {
      sums[entry.name] = packed.sha256;
      zip_.add(in_root(entry.name), entry.mode, packed.packed);
      advance(packed.packed.size);
    });
  }

  void add(const PackedRuntime& runtime, FileSums& sums) {
    for (const auto& [path, sum] : runtime.sums) sums[in_node(path)] = sum;
    for (const zip::ListedEntry& entry : runtime.entries) {
      if (stop_.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted");
      zip_.copy(runtime.zip, entry, in_root(in_node(entry.name)));
      advance(entry.size);
    }
  }

 private:
  void advance(std::uint64_t bytes) { progress_.advance(task_, done_ += bytes, total_); }

  ZipWriter& zip_;
  std::string task_;
  std::uint64_t done_ = 0;
  std::uint64_t total_;
  Progress& progress_;
  const std::stop_token& stop_;
};

/// Before anything is packed: what cannot be in a bundle, and what may not unpack.
void check_content(const std::vector<ZipEntry>& content, const PackedRuntime& runtime,
                   const Platform& platform, Progress& progress) {
  std::vector<std::string> names{layout::bundle_file, layout::token_file};
  for (const ZipEntry& entry : content) names.push_back(entry.name);
  for (const auto& [path, sum] : runtime.sums) names.push_back(in_node(path));
  check_names(names, platform);
  if (!platform.is_windows()) return;
  if (const auto name = too_long_for_windows(names)) {
    progress.say("warning: '" + *name + "' may be too long a path to unpack on a PC with Windows; " +
                 "shorten it, or tell users to unpack the zip into a short folder such as C:\\opencat");
  }
}

}  // namespace

SharedBundle::SharedBundle(const BundlePlan& plan, const RuntimeCache& cache, Runtime runtime,
                           const fs::path& file, const fs::path& scratch, Progress& progress,
                           const std::stop_token& stop)
    : runtime_(std::move(runtime)), has_key_(!plan.enroll_key.empty()), zip_(file, zip::dos_time(plan.time)) {
  const std::vector<ZipEntry> content = bundle_content(plan, runtime_.platform, scratch, stop);
  const PackedRuntime packed = packed_runtime(cache, runtime_, progress, stop);
  check_content(content, packed, runtime_.platform, progress);
  std::uint64_t total = 0;
  for (const ZipEntry& entry : content) total += size_of(entry);
  for (const zip::ListedEntry& entry : packed.entries) total += entry.size;
  FileSums sums;
  {
    Writing writing(zip_, layout::zip_name(runtime_.platform), total, progress, stop);
    writing.add(content, plan.threads, sums);
    writing.add(packed, sums);
  }
  zip_.flush();
  const std::string description = describe(plan, runtime_, sums).dump(2) + "\n";
  // Two spaces deep there is no other of this name, and no text holds a line's end as such.
  const std::string label = "\n  \"label\": ";
  const std::size_t at = description.find(label + "null") + label.size();
  before_label_ = description.substr(0, at);
  behind_label_ = description.substr(at + std::string_view("null").size());
}

WrittenZip SharedBundle::add_personal(ZipWriter& zip, const Personal& personal) const {
  Deflater deflater;
  const auto add = [&](const char* name, unsigned mode, const std::string& text) {
    Buffer content = Buffer::of(text.size());
    text.copy(content.bytes.get(), text.size());
    zip.add(in_root(name), mode, deflater.pack(std::move(content)));
  };
  // It may hold the enrolment key.
  add(layout::bundle_file, has_key_ ? 0600 : 0644,
      before_label_ + or_null(personal.label).dump() + behind_label_);
  if (!personal.token.empty()) add(layout::token_file, 0600, personal.token);
  return zip.finish(has_key_ || !personal.token.empty() ? 0600 : 0644);
}

WrittenZip SharedBundle::write(const Personal& personal, const fs::path& file) const {
  ZipWriter zip = zip_.copy_to(file);
  return add_personal(zip, personal);
}

WrittenZip SharedBundle::finish(const Personal& personal) { return add_personal(zip_, personal); }

}  // namespace opencat
