// SPDX-License-Identifier: MIT
#include "server/store/commit_queue.hpp"

#include <future>
#include <vector>

#include "opencat/error.hpp"

namespace opencat {

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
  }
  changed_.notify_one();
}

void CommitQueue::add_always(Work work) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(work));
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
    std::deque<Work> group;
    group.swap(waiting_);
    lock.unlock();
    commit_group(group);
    lock.lock();
  }
}

void CommitQueue::commit_group(std::deque<Work>& group) {
  std::vector<std::exception_ptr> problems(group.size());
  try {
    transaction_.begin();
    for (std::size_t i = 0; i < group.size(); ++i) {
      // Each piece is one statement, or checks before it changes anything: one that throws has changed
      // nothing.
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
    try {
      transaction_.roll_back();
    } catch (...) {
      // There was no transaction to take back: begin() was what failed.
    }
  }
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (group[i].done) group[i].done(problems[i]);
  }
}

}  // namespace opencat
