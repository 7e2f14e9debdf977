// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

namespace opencat {

/// A bundle on this machine's disk, before anything of it is put in place: a zip, or a folder that one was
/// unpacked to. Nothing of what it gives is proved.
class BundleSource {
 public:
  /// Opens either. Throws Error(usage) when there is none, Error(integrity) for a file that is no zip or one
  /// with entries elsewhere than below opencat-portable/, or two in one place. `scratch` is an empty folder
  /// of the caller's, for bundle.json.
  static std::unique_ptr<BundleSource> open(const std::filesystem::path& bundle,
                                            const std::filesystem::path& scratch, std::stop_token stop);
  virtual ~BundleSource() = default;

  /// The content of bundle.json and of token.json; nothing where there is none.
  const std::optional<std::string>& description() const { return description_; }
  const std::optional<std::string>& token() const { return token_; }

  /// Puts all its files below `target` but those that are `there` already. Of a folder only what bundle.json
  /// lists: scripts that were run there before have left more, which is none of ours.
  virtual void put(const std::filesystem::path& target, const std::set<std::string>& there,
                   std::stop_token stop) = 0;

 protected:
  void read_from(const std::filesystem::path& folder);

 private:
  std::optional<std::string> description_;
  std::optional<std::string> token_;
};

}  // namespace opencat
