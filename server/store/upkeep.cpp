// SPDX-License-Identifier: MIT
#include "server/store/upkeep.hpp"

#include "opencat/error.hpp"

namespace opencat {

namespace {

/// Between two steps, so that the store is not kept busy by this alone.
constexpr std::chrono::milliseconds between_steps{20};

}  // namespace

Upkeep::Upkeep(AdminStore& store, const Clock& clock, const UpkeepOptions& options,
               std::function<void(const std::string&)> warn)
    : store_(store), clock_(clock), options_(options), warn_(std::move(warn)), thread_([this] { work(); }) {}

Upkeep::~Upkeep() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Upkeep::work() {
  do {
    try {
      look_after();
    } catch (const Error& error) {
      // Nothing is lost: it is tried again at the next look.
      warn_("looking after the data failed: " + error.message() +
            (error.detail().empty() ? "" : " (" + error.detail() + ")"));
    }
  } while (pause(options_.look_every));
}

void Upkeep::look_after() {
  store_.fold_usage();
  store_.bound_wal();
  for (std::string last = store_.fold_due(""); !last.empty(); last = store_.fold_due(last)) {
    if (!pause(between_steps)) return;
  }
  const Time now = clock_.now();
  while (store_.purge(now - options_.keep_deleted)) {
    if (!pause(between_steps)) return;
  }
  const std::string today = date_of(now, options_.utc_offset);
  if (done_for_ == today) return;
  // Whole months only, and never the present one: its days are the quota's.
  const std::string month = quota_period(now - options_.keep_usage, options_.utc_offset).month;
  while (store_.roll_up(month)) {
    if (!pause(between_steps)) return;
  }
  done_for_ = today;
}

bool Upkeep::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [this] { return stopping_; });
}

}  // namespace opencat
