// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "opencat/clock.hpp"
#include "opencat/random.hpp"

namespace opencat::routes {

/// The secret kept in `file`, made at the first call. Mode 0600. Throws Error(usage) for a file that holds
/// none.
std::string kept_secret(const std::filesystem::path& file, Entropy& entropy);

/// The key with which users' PCs ask for a token, and those before it that are still valid. Any thread may
/// call it.
class EnrollmentKeys {
 public:
  /// The operator's own, from the settings: it cannot be rotated here.
  explicit EnrollmentKeys(std::string given, Clock& clock);
  /// Kept in `file`, made at the first start; the keys before it in a file of the same name with "-before".
  EnrollmentKeys(std::filesystem::path file, Clock& clock, Entropy& entropy);

  std::string current() const;
  /// In constant time, whichever it is.
  bool knows(const std::string& key) const;
  struct Rotated {
    std::string key;
    Time old_valid_until;
  };
  /// A new key, on the disk when this returns; the one before stays valid that long. Throws Error(usage) for
  /// a key from the settings.
  Rotated rotate(std::chrono::seconds old_valid);

 private:
  struct Before {
    std::string key;
    Time until;
  };
  void read_before();
  std::string before_text() const;
  std::filesystem::path before_file() const;

  std::filesystem::path file_;  ///< empty: given by the settings
  Clock& clock_;
  Entropy* entropy_ = nullptr;
  mutable std::mutex mutex_;
  std::string current_;
  std::vector<Before> before_;
};

}  // namespace opencat::routes
