// SPDX-License-Identifier: MIT
#include "server/store/postgres/counting_session.hpp"

namespace opencat::postgres {

namespace {

using SteadyClock = std::chrono::steady_clock;

/// After a connection was refused, so long nobody tries again: a burst of requests is no reason to storm a
/// database that comes up.
constexpr std::chrono::milliseconds pause_after_refusal{200};
constexpr std::chrono::seconds compare_clocks_every{10};
/// The quickest of a few tells the time best.
constexpr int comparisons = 3;

}  // namespace

CountingSession::CountingSession(std::string url, const std::string& node, const StoreOptions& options)
    : url_(std::move(url)),
      node_(node),
      // A commit that waits for a standby or a disk for so long is better told to be none.
      patience_{std::chrono::seconds{10}, options.busy_timeout},
      clock_(options.clock),
      on_commit_(options.on_commit),
      batch_(node, options) {
  connect();
}

void CountingSession::connect() {
  if (SteadyClock::now() - refused_at_ < pause_after_refusal) {
    Failure failure(ErrorKind::unavailable,
                    "the server's database cannot be reached just now; try again in a moment",
                    "it was tried a moment ago", Trouble::lost);
    failure.retry_after_s = 2;
    throw failure;
  }
  try {
    session_ = std::make_unique<Session>(url_, patience_);
    CountingBatch::prepare(*session_);
    compare_clocks();
  } catch (...) {
    session_.reset();
    refused_at_ = SteadyClock::now();
    throw;
  }
}

void CountingSession::begin() {
  batch_.clear();
  if (!session_ || session_->lost()) {
    session_.reset();
    connect();
  }
  if (doubt_) resolve_doubt();
  if (SteadyClock::now() - compared_at_ > compare_clocks_every) compare_clocks();
  ++number_;
}

void CountingSession::resolve_doubt() {
  // With a lock: the old connection's commit may still be on its way, and this waits for it.
  std::int64_t last = 0;
  session_->transact([&] {
    const Rows rows = session_->ask("SELECT batch FROM nodes WHERE id = $1 FOR UPDATE", {node_});
    last = rows.empty() ? 0 : number(rows[0], 0);
  });
  const Doubt doubt = std::move(*doubt_);
  doubt_.reset();
  if (last < doubt.number) return;
  kept_after_all_ = doubt.number;
  for (const Reservation& row : doubt.counted) take_back_(row);
}

void CountingSession::commit() {
  const auto began = SteadyClock::now();
  try {
    batch_.commit(*session_, number_);
  } catch (const Error&) {
    if (batch_.in_doubt()) doubt_ = Doubt{number_, batch_.counted()};
    throw;
  }
  if (on_commit_) on_commit_(SteadyClock::now() - began);
}

void CountingSession::roll_back() {
  if (!session_) return;
  session_->roll_back();
  if (session_->lost()) session_.reset();
}

std::function<void()> CountingSession::once(std::function<void(CountingBatch&)> work) {
  return [this, work = std::move(work), tried_in = std::int64_t{0}]() mutable {
    if (tried_in != 0 && tried_in == kept_after_all_) return;
    tried_in = number_;
    work(batch_);
  };
}

void CountingSession::compare_clocks() {
  compared_at_ = SteadyClock::now();
  if (clock_ == nullptr) return;
  auto quickest = SteadyClock::duration::max();
  for (int i = 0; i < comparisons; ++i) {
    const auto asked_at = SteadyClock::now();
    const Time before = clock_->now();
    const Rows rows = session_->run("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)");
    const auto took = SteadyClock::now() - asked_at;
    if (took >= quickest) continue;
    quickest = took;
    const auto half = std::chrono::duration_cast<std::chrono::milliseconds>(took / 2);
    ahead_ms_ = number(rows[0], 0) - (before + half).time_since_epoch().count();
  }
}

}  // namespace opencat::postgres
