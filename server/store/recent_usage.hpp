// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "server/store/usage_rows.hpp"

namespace opencat {

/// What was counted and is not yet in `usage`. Rows of `usage` lie far apart in a store of many tokens: a
/// request that wrote its own at once would write a page of its own, to the log and later to the file. So
/// each group of requests appends what it counted to the table recent_usage; its sums are kept here, too, for
/// the requests that come next; and they are folded into `usage` in the order of its keys when there are
/// many, and when somebody asks for it.
///
/// Another process may count in the same file for a while, as a server's successor does: what it wrote is
/// taken in at the beginning of a group. Of the writer's thread, but for what says otherwise.
class RecentUsage {
 public:
  explicit RecentUsage(SQLite::Database& database);

  /// In the transaction of a group, before anything else.
  void begin();
  /// Counts it in this group.
  void add(const Reservation& key, const UsageCounts& counts);
  /// Uncounts a request, if one is counted there.
  void take_back(const Reservation& key);
  /// Folds everything at the end of this group.
  void fold() { fold_ = true; }
  /// Writes what the group counted and commits it by `commit`. When that throws, nothing was counted.
  void commit(const std::function<void()>& commit);

  /// Requests to be added to those of `usage`. Another thread must hold() for as long as it reads the two.
  QuotaUse use(const std::string& token_id, const QuotaPeriod& period) const;
  /// Any thread: nothing moves from here to `usage` meanwhile.
  std::unique_lock<std::mutex> hold() const { return std::unique_lock(mutex_); }
  /// Any thread.
  bool is_empty() const;
  /// Another number whenever `usage` or anything else may have changed otherwise than by add().
  std::uint64_t epoch() const { return epoch_; }

 private:
  struct ByKey {
    bool operator()(const Reservation& a, const Reservation& b) const;
  };
  using Sums = std::map<Reservation, UsageCounts, ByKey>;

  void read_again();
  void write_folded();
  static void add_to(Sums& sums, const Reservation& key, const UsageCounts& counts);

  SQLite::Statement changes_of_others_, rows_, append_, requests_in_usage_, add_to_usage_, clear_;
  mutable std::mutex mutex_;  ///< of sums_, for other threads
  Sums sums_;                 ///< of all that is not in `usage`, with this group
  Sums group_;                ///< of this group
  std::size_t appended_ = 0;  ///< rows of recent_usage
  int others_ = 0;            ///< changes of others that were seen
  bool is_known_ = false;     ///< sums_ is what the table says
  bool fold_ = false;
  std::uint64_t epoch_ = 0;
};

}  // namespace opencat
