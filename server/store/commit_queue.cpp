// SPDX-License-Identifier: MIT
#include "server/store/commit_queue.hpp"

#include <chrono>
#include <future>
#include <utility>
#include <vector>

#include "opencat/error.hpp"

namespace opencat {

namespace {

constexpr std::chrono::seconds retry_pause{1};
/// So long lazy work waits for company.
constexpr std::chrono::milliseconds lazy_pause{50};

}  // namespace

CommitQueue::CommitQueue(Transaction transaction, std::size_t max_waiting)
    : transaction_(std::move(transaction)), max_waiting_(max_waiting), thread_([this] { work(); }) {}

CommitQueue::~CommitQueue() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void CommitQueue::add(Work work) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= max_waiting_) {
      throw Error(ErrorKind::unavailable,
                  "the server counts too many requests just now; try again in a moment");
    }
    waiting_.push_back(std::move(work));
    if (std::exchange(urgent_, true)) return;  // the thread knows
  }
  changed_.notify_one();
}

void CommitQueue::add_always(std::function<void()> run) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(run), {}, Work::IfUnkept::tried_again});
    if (std::exchange(urgent_, true)) return;
  }
  changed_.notify_one();
}

void CommitQueue::add_lazily(std::function<void()> run) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(run), {}, Work::IfUnkept::tried_again});
    if (waiting_.size() > 1) return;
  }
  changed_.notify_one();
}

void CommitQueue::wait_for(std::function<void()> run) {
  std::promise<void> committed;
  add({std::move(run), [&committed](std::exception_ptr problem) {
         if (problem) {
           committed.set_exception(problem);
         } else {
           committed.set_value();
         }
       }});
  committed.get_future().get();
}

std::size_t CommitQueue::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

void CommitQueue::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    if (!urgent_) changed_.wait_for(lock, lazy_pause, [this] { return stopping_ || urgent_; });
    std::deque<Work> group;
    group.swap(waiting_);
    urgent_ = false;
    lock.unlock();
    std::deque<Work> unkept = commit_group(group);
    lock.lock();
    if (!unkept.empty()) try_again_with(std::move(unkept), lock);
  }
}

void CommitQueue::try_again_with(std::deque<Work> unkept, std::unique_lock<std::mutex>& lock) {
  if (stopping_ && ++failures_in_a_row_ == 3) {
    waiting_.clear();
    return;
  }
  for (Work& work : waiting_) unkept.push_back(std::move(work));
  waiting_ = std::move(unkept);
  urgent_ = true;
  changed_.wait_for(lock, retry_pause, [this] { return stopping_; });
}

std::deque<CommitQueue::Work> CommitQueue::commit_group(std::deque<Work>& group) {
  std::vector<std::exception_ptr> problems(group.size());
  bool kept = true;
  try {
    transaction_.begin();
    for (std::size_t i = 0; i < group.size(); ++i) {
      // Each piece is one statement, checks before it changes anything, or has a savepoint: one that throws
      // has changed nothing.
      try {
        group[i].run();
      } catch (...) {
        problems[i] = std::current_exception();
      }
    }
    transaction_.commit();
  } catch (...) {
    // Nothing of the group is on disk, so nobody may be told that it is.
    problems.assign(group.size(), std::current_exception());
    kept = false;
    try {
      transaction_.roll_back();
    } catch (...) {
      // There was no transaction to take back: begin() was what failed.
    }
  }
  std::deque<Work> unkept;
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (!kept && group[i].if_unkept == Work::IfUnkept::tried_again) {
      unkept.push_back(std::move(group[i]));
    } else if (group[i].done) {
      group[i].done(problems[i]);
    }
  }
  return unkept;
}

}  // namespace opencat
