// SPDX-License-Identifier: MIT
#include "server/routes/bundle_shelf.hpp"

#include <algorithm>

#include "opencat/bundle_names.hpp"
#include "opencat/descriptor.hpp"
#include "opencat/digest.hpp"
#include "opencat/error.hpp"
#include "opencat/zip_directory.hpp"

namespace opencat::routes {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t max_entries = 100'000;

std::string sha256_of(const InputFile& file) {
  Digest digest(DigestKind::sha256);
  std::string buffer(1 << 20, '\0');
  for (std::uint64_t at = 0; at < file.size();) {
    const std::size_t count =
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), file.size() - at));
    file.read(at, {buffer.data(), count});
    digest.update({buffer.data(), count});
    at += count;
  }
  return to_hex(digest.finish());
}

bool holds(const std::vector<zip::ListedEntry>& entries, const char* file) {
  const std::string name = std::string(layout::root) + "/" + file;
  return std::any_of(entries.begin(), entries.end(),
                     [&](const zip::ListedEntry& entry) { return entry.name == name; });
}

}  // namespace

BundleShelf::BundleShelf(fs::path folder, Log log) : folder_(std::move(folder)), log_(std::move(log)) {
  std::error_code why;
  if (!fs::is_directory(folder_, why)) {
    throw Error(ErrorKind::usage, "--bundles: there is no folder " + folder_.string() +
                                      "; name the one that `opencat bundle` wrote its zips to");
  }
}

std::vector<OfferedBundle> BundleShelf::all() {
  std::vector<OfferedBundle> offered;
  const std::lock_guard lock(mutex_);
  for (const Platform& platform : known_platforms()) {
    if (auto bundle = look(platform)) offered.push_back(std::move(*bundle));
  }
  return offered;
}

std::optional<OfferedBundle> BundleShelf::find(const std::string& platform) {
  const std::lock_guard lock(mutex_);
  for (const Platform& known : known_platforms()) {
    if (known.name() == platform) return look(known);
  }
  return std::nullopt;
}

std::optional<OfferedBundle> BundleShelf::look(const Platform& platform) {
  const fs::path file = folder_ / layout::zip_name(platform);
  const Stamp stamp = descriptor::stamp(file);
  if (stamp.empty()) {
    looked_.erase(platform.name());
    return std::nullopt;
  }
  const auto known = looked_.find(platform.name());
  if (known != looked_.end() && known->second.stamp == stamp) return known->second.offered;
  auto offered = judge(platform, file);
  // Changed meanwhile: what was judged may be neither the old file nor the new one.
  if (descriptor::stamp(file) != stamp) {
    looked_.erase(platform.name());
    return std::nullopt;
  }
  looked_[platform.name()] = {stamp, offered};
  return offered;
}

std::optional<OfferedBundle> BundleShelf::judge(const Platform& platform, const fs::path& file) {
  const auto refuse = [&](const std::string& why) -> std::optional<OfferedBundle> {
    log_("bundles: " + file.string() + " is not offered: " + why);
    return std::nullopt;
  };
  try {
    const bool is_private = descriptor::is_private(file);
    const auto opened = std::make_shared<const InputFile>(file);
    const auto entries = zip::read_directory(*opened, "it", max_entries);
    if (!holds(entries, layout::bundle_file)) return refuse("it is no bundle of opencat's");
    if (holds(entries, layout::token_file)) {
      return refuse("it holds one person's token, which everybody would get; make it without --pre-token");
    }
    if (is_private) {
      return refuse(
          "only its owner may read it, as is right for one with the enrolment key in it; if everybody may "
          "have it, "
          "chmod 644 says so");
    }
    OfferedBundle offered{platform, layout::zip_name(platform), sha256_of(*opened), opened};
    log_("bundles: " + offered.name + " is offered at /download/" + platform.name());
    return offered;
  } catch (const Error& error) {
    return refuse(error.message());
  }
}

}  // namespace opencat::routes
