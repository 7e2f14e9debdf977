// SPDX-License-Identifier: MIT
#include "bundle/bundle_source.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include <nlohmann/json.hpp>

#include "bundle/layout.hpp"
#include "opencat/archive_reader.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/file_names.hpp"
#include "opencat/parallel.hpp"
#include "opencat/random_access.hpp"
#include "opencat/text.hpp"
#include "opencat/zip_directory.hpp"

namespace opencat {

namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

constexpr const char* title = "this bundle";
/// More hardly pay: the largest file, Node itself, is half of all, and one thread unpacks it.
constexpr unsigned max_threads = 4;

[[noreturn]] void refuse_entry(const std::string& why) {
  throw Error(ErrorKind::integrity, std::string(title) + " is refused: " + why);
}

/// An entry's name below the one folder that all are under; nothing for that folder itself.
std::optional<std::string> below_root(const std::string& name) {
  const std::string root = std::string(layout::root) + "/";
  if (name == layout::root) return std::nullopt;
  if (name.rfind(root, 0) == 0 && name.size() > root.size()) return name.substr(root.size());
  throw Error(ErrorKind::integrity, "this is no bundle: it holds '" + printable(name) + "'");
}

class ArchiveSource : public BundleSource {
 public:
  ArchiveSource(fs::path archive, const fs::path& scratch, std::stop_token stop)
      : archive_(std::move(archive)) {
    const InputFile bytes(archive_);
    is_zip_ = zip::looks_like_zip(bytes);
    if (is_zip_) list(bytes);
    unpack(scratch, stop,
           [](const std::string& name) { return name == layout::bundle_file || name == layout::token_file; });
    read_from(scratch);
  }

  void put(const fs::path& target, const std::set<std::string>& there, std::stop_token stop) override {
    // Of a .tar.gz each thread would have to unpack all.
    if (!is_zip_) {
      return unpack(target, stop, [&](const std::string& name) { return there.count(name) == 0; });
    }
    const auto shares = share_out(there);
    in_parallel(shares.size(), 0, stop, [&](std::size_t i, const std::stop_token& stop_this) {
      unpack(target, stop_this, [&](const std::string& name) { return shares[i].count(name) != 0; });
    });
  }

 private:
  /// Several threads unpack, and each sees its own share: that all have a place of their own is seen here.
  void list(const InputFile& bytes) {
    TakenNames taken;
    for (const zip::ListedEntry& entry : zip::read_directory(bytes, title, ArchiveLimits{}.max_entries)) {
      std::string name = entry.name;
      const bool is_folder = !name.empty() && name.back() == '/';
      if (is_folder) name.pop_back();
      if (!is_safe_relative_path(name)) {
        refuse_entry("its entry '" + printable(name) + "' would be written elsewhere");
      }
      const auto below = below_root(name);
      if (!below) continue;
      if (is_folder ? taken.take_folder(*below) : taken.take_file(*below)) {
        refuse_entry("its entry '" + printable(name) + "' is there twice");
      }
      sizes_[*below] = entry.packed_size;
    }
  }

  /// The names of what each thread unpacks, about as much each.
  std::vector<std::set<std::string>> share_out(const std::set<std::string>& there) const {
    std::vector<std::pair<std::uint64_t, std::string>> wanted;
    for (const auto& [name, size] : sizes_) {
      if (there.count(name) == 0) wanted.emplace_back(size, name);
    }
    std::sort(wanted.rbegin(), wanted.rend());
    std::vector<std::set<std::string>> shares(std::min(usable_threads(), max_threads));
    std::vector<std::uint64_t> sums(shares.size());
    for (const auto& [size, name] : wanted) {
      const auto least = static_cast<std::size_t>(std::min_element(sums.begin(), sums.end()) - sums.begin());
      sums[least] += size;
      shares[least].insert(name);
    }
    return shares;
  }

  void unpack(const fs::path& target, const std::stop_token& stop,
              const std::function<bool(const std::string& name)>& is_wanted) const {
    unpack_archive(
        archive_, target, title,
        [&](const std::string& name) {
          auto below = below_root(name);
          return below && is_wanted(*below) ? below : std::nullopt;
        },
        {}, stop);
  }

  fs::path archive_;
  bool is_zip_ = false;
  std::map<std::string, std::uint64_t> sizes_;  ///< packed
};

class FolderSource : public BundleSource {
 public:
  explicit FolderSource(fs::path folder) : folder_(std::move(folder)) { read_from(folder_); }

  void put(const fs::path& target, const std::set<std::string>& there, std::stop_token stop) override {
    std::vector<std::string> names{layout::bundle_file, layout::token_file};
    const Json bundle = Json::parse(description().value_or(""), nullptr, false);
    if (bundle.is_object() && bundle.contains("files")) {
      for (const auto& [path, sum] : bundle.at("files").items()) names.push_back(path);
    }
    in_parallel(names.size(), 0, stop, [&](std::size_t i, const std::stop_token&) {
      const std::string& name = names[i];
      // What is missing or no path at all is told by the check that follows.
      const bool wanted = is_safe_relative_path(name) && there.count(name) == 0;
      if (!wanted || !fs::is_regular_file(fs::symlink_status(folder_ / name))) return;
      make_folders((target / name).parent_path());
      fs::copy_file(folder_ / name, target / name);
    });
  }

 private:
  fs::path folder_;
};

}  // namespace

void BundleSource::read_from(const fs::path& folder) {
  description_ = read_file_if_there(folder / layout::bundle_file);
  token_ = read_file_if_there(folder / layout::token_file, 1 << 20);
}

std::unique_ptr<BundleSource> BundleSource::open(const fs::path& bundle, const fs::path& scratch,
                                                 std::stop_token stop) {
  if (fs::is_directory(bundle)) return std::make_unique<FolderSource>(bundle);
  if (!fs::exists(bundle)) throw Error(ErrorKind::usage, "there is no bundle " + bundle.string());
  return std::make_unique<ArchiveSource>(bundle, scratch, std::move(stop));
}

}  // namespace opencat
