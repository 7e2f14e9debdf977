// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "opencat/clock.hpp"
#include "opencat/random.hpp"
#include "server/store/admin_store.hpp"

namespace opencat::routes {

/// The secret kept in `file`, made at the first call. Mode 0600. Throws Error(usage) for a file that holds
/// none.
std::string kept_secret(const std::filesystem::path& file, Entropy& entropy);
/// The same, for all servers of a store that is shared: the first one's becomes theirs, and `file` has it.
std::string kept_secret(const std::filesystem::path& file, Entropy& entropy, AdminStore& store);

/// The key with which users' PCs ask for a token, and those before it that are still valid. Any thread may
/// call it.
class EnrollmentKeys {
 public:
  /// The operator's own, from the settings: it cannot be rotated here.
  explicit EnrollmentKeys(std::string given, Clock& clock);
  /// Kept in `file`, made at the first start; the keys before it in a file of the same name with "-before".
  /// With a store that is shared the keys of all its servers are kept there, and those files follow: what
  /// another server did is known within a second.
  EnrollmentKeys(std::filesystem::path file, Clock& clock, Entropy& entropy, AdminStore& store);
  ~EnrollmentKeys();

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
  struct Keys {
    std::string current;
    std::vector<Before> before;
  };
  static std::vector<Before> parse_before(const std::string& lines);
  static std::string before_text(const std::vector<Before>& before);
  static Keys parse(const std::string& text);
  static std::string text_of(const Keys& keys);
  Keys rotated(Keys keys, const std::string& key, Time now, std::chrono::seconds old_valid) const;
  void keep_in_files(const Keys& keys) const;
  void follow(const std::string& text);
  void follow_others(const std::stop_token& stop);
  std::filesystem::path before_file() const;

  std::filesystem::path file_;  ///< empty: given by the settings
  Clock& clock_;
  Entropy* entropy_ = nullptr;
  AdminStore* store_ = nullptr;  ///< if it is shared
  mutable std::mutex mutex_;
  Keys keys_;
  std::condition_variable_any stopped_;
  std::jthread follower_;  ///< of a shared store
};

}  // namespace opencat::routes
