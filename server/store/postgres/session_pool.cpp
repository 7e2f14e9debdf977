// SPDX-License-Identifier: MIT
#include "server/store/postgres/session_pool.hpp"

namespace opencat::postgres {

namespace {

/// Idle for longer, a connection is asked whether it is still there before somebody relies on it.
constexpr std::chrono::milliseconds trusted_for{500};

bool is_there(Session& session) {
  try {
    session.run("SELECT 1");
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

std::unique_ptr<Session> SessionPool::take() {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, patience_.lock, [this] { return lent_ < most_; })) {
    Error error(ErrorKind::unavailable, "the server's database is busy; try again in a moment");
    error.retry_after_s = 2;
    throw error;
  }
  ++lent_;
  while (!idle_.empty()) {
    Idle idle = std::move(idle_.back());
    idle_.pop_back();
    lock.unlock();
    const auto quiet = std::chrono::steady_clock::now() - idle.since;
    if (quiet < trusted_for || is_there(*idle.session)) return std::move(idle.session);
    lock.lock();
    idle_.clear();  // they went the same way
  }
  lock.unlock();
  try {
    return std::make_unique<Session>(url_, patience_);
  } catch (...) {
    give(nullptr);
    throw;
  }
}

void SessionPool::give(std::unique_ptr<Session> session) {
  {
    const std::lock_guard lock(mutex_);
    --lent_;
    if (session && session->lost()) {
      idle_.clear();
    } else if (session) {
      idle_.push_back({std::move(session), std::chrono::steady_clock::now()});
    }
  }
  changed_.notify_one();
}

template <class Use>
void SessionPool::with(const Use& use) {
  std::unique_ptr<Session> session = take();
  try {
    use(*session);
  } catch (...) {
    give(std::move(session));
    throw;
  }
  give(std::move(session));
}

void SessionPool::read(const Work& work) {
  try {
    return with(work);
  } catch (const Failure& failure) {
    if (failure.trouble() != Trouble::lost) throw;
  }
  with(work);
}

void SessionPool::write(const Work& work) {
  with([&](Session& session) { session.transact([&] { work(session); }); });
}

}  // namespace opencat::postgres
