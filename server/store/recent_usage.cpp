// SPDX-License-Identifier: MIT
#include "server/store/recent_usage.hpp"

#include <tuple>
#include <utility>

#include <sqlite3.h>

namespace opencat {

using sqlite::Lent;

namespace {

// Folding so many rows takes tens of milliseconds, in which requests wait.
constexpr std::size_t most_keys = 4096;
// So many are a few megabytes to read again after a crash.
constexpr std::size_t most_appended = 65'536;

/// Those of a token that is gone for good, whose row cannot be made.
bool lacks_its_token(const SQLite::Exception& problem) {
  return problem.getExtendedErrorCode() == SQLITE_CONSTRAINT_FOREIGNKEY;
}

}  // namespace

bool RecentUsage::ByKey::operator()(const Reservation& a, const Reservation& b) const {
  return std::tie(a.token_id, a.date, a.model) < std::tie(b.token_id, b.date, b.model);
}

RecentUsage::RecentUsage(SQLite::Database& database)
    : changes_of_others_(database, "PRAGMA data_version"),
      rows_(database, std::string("SELECT ") + usage_columns + " FROM recent_usage"),
      append_(database, std::string("INSERT INTO recent_usage (") + usage_columns +
                            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"),
      requests_in_usage_(database,
                         "SELECT request_count FROM usage WHERE token_id = ?1 AND date = ?2 AND model = ?3"),
      add_to_usage_(database, add_to_usage),
      clear_(database, "DELETE FROM recent_usage") {
  read_again();
}

void RecentUsage::begin() {
  int others = 0;
  {
    Lent version(changes_of_others_);
    version->executeStep();
    others = version->getColumn(0).getInt();
  }
  const bool nobody_else_wrote = std::exchange(others_, others) == others;
  // Whatever this group adds is no longer what the table says, until it is committed.
  const bool was_known = std::exchange(is_known_, false);
  if (!nobody_else_wrote || !was_known) read_again();
}

/// As it is after a start, after a group that was not kept, and when somebody else wrote.
void RecentUsage::read_again() {
  ++epoch_;
  Sums sums;
  appended_ = 0;
  Lent rows(rows_);
  for (; rows->executeStep(); ++appended_) add_to(sums, usage_key_at(*rows), usage_counts_at(*rows));
  // Whoever else writes makes this be read again with each group: there is to be little of it then.
  fold_ = appended_ > 0;
  group_.clear();
  const std::lock_guard lock(mutex_);
  sums_ = std::move(sums);
}

void RecentUsage::add_to(Sums& sums, const Reservation& key, const UsageCounts& counts) {
  UsageCounts& sum = sums[key];
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += counts[i];
}

void RecentUsage::add(const Reservation& key, const UsageCounts& counts) {
  add_to(group_, key, counts);
  const std::lock_guard lock(mutex_);
  add_to(sums_, key, counts);
}

void RecentUsage::take_back(const Reservation& key) {
  const auto recent = sums_.find(key);
  std::int64_t requests = recent == sums_.end() ? 0 : recent->second[0];
  if (requests <= 0) {
    Lent row(requests_in_usage_);
    bind_usage_key(*row, key);
    if (row->executeStep()) requests += row->getColumn(0).getInt64();
  }
  if (requests > 0) add(key, {-1});
}

void RecentUsage::commit(const std::function<void()>& commit) {
  const bool fold =
      (fold_ || sums_.size() > most_keys || appended_ + group_.size() > most_appended) && !sums_.empty();
  if (fold) {
    write_folded();
    const std::lock_guard lock(mutex_);
    commit();
    sums_.clear();
    appended_ = 0;
    ++epoch_;
  } else {
    for (const auto& [key, counts] : group_) {
      Lent row(append_);
      bind_usage(*row, key, counts);
      row->exec();
    }
    commit();
    appended_ += group_.size();
  }
  group_.clear();
  fold_ = false;
  is_known_ = true;
}

void RecentUsage::write_folded() {
  for (const auto& [key, counts] : sums_) {
    try {
      Lent row(add_to_usage_);
      bind_usage(*row, key, counts);
      row->exec();
    } catch (const SQLite::Exception& problem) {
      if (!lacks_its_token(problem)) throw;
    }
  }
  Lent(clear_)->exec();
}

QuotaUse RecentUsage::use(const std::string& token_id, const QuotaPeriod& period) const {
  QuotaUse use;
  for (auto row = sums_.lower_bound({token_id, period.month, {}});
       row != sums_.end() && row->first.token_id == token_id && row->first.date.rfind(period.month, 0) == 0;
       ++row) {
    use.monthly += row->second[0];
    if (row->first.date == period.day) use.daily += row->second[0];
  }
  return use;
}

bool RecentUsage::is_empty() const {
  const std::lock_guard lock(mutex_);
  return sums_.empty();
}

}  // namespace opencat
