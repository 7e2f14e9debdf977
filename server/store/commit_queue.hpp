// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace opencat {

/// Group commit: one thread runs the waiting pieces of work inside one transaction, commits, and only then
/// tells each that it is done. While a commit is on its way to the disk the next group gathers, so the disk's
/// latency is paid once per group and not once per request.
class CommitQueue {
 public:
  struct Work {
    /// Runs on the queue's thread inside the transaction.
    std::function<void()> run;
    /// Runs on the queue's thread after the commit; `problem` is what run() or the commit threw.
    std::function<void(std::exception_ptr problem)> done;
    /// What becomes of it when its group cannot be committed.
    enum class IfUnkept { told, tried_again } if_unkept = IfUnkept::told;
  };
  /// How a group begins, is kept, and is taken back; called on the queue's thread.
  struct Transaction {
    std::function<void()> begin;
    std::function<void()> commit;
    std::function<void()> roll_back;
  };

  CommitQueue(Transaction transaction, std::size_t max_waiting);
  /// Commits what waits, or gives up when that fails thrice.
  ~CommitQueue();
  CommitQueue(const CommitQueue&) = delete;
  CommitQueue& operator=(const CommitQueue&) = delete;

  /// Any thread. Throws Error(unavailable) when `max_waiting` pieces wait already.
  void add(Work work);
  /// For work that must not be refused nor lost while others hold the database, such as giving back what was
  /// counted: it may exceed the bound by as many as requests are under way, and when its group cannot be
  /// committed it is tried again, a second later.
  void add_always(std::function<void()> run);
  /// The same for work that nobody waits for: it is committed with the next group, or alone a moment later.
  void add_lazily(std::function<void()> run);
  /// Adds `run` and waits until it is committed; throws what it threw. Not on the queue's thread.
  void wait_for(std::function<void()> run);
  /// How many pieces wait. Any thread.
  std::size_t waiting() const;

 private:
  void work();
  void try_again_with(std::deque<Work> unkept, std::unique_lock<std::mutex>& lock);
  /// Gives back what must be tried again.
  std::deque<Work> commit_group(std::deque<Work>& group);

  Transaction transaction_;
  std::size_t max_waiting_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> waiting_;
  bool urgent_ = false;  ///< among what waits is something that somebody waits for
  bool stopping_ = false;
  int failures_in_a_row_ = 0;
  std::thread thread_;
};

}  // namespace opencat
