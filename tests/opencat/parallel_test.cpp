// SPDX-License-Identifier: MIT
#include "opencat/parallel.hpp"

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "opencat/error.hpp"
#include "tests/catch.hpp"

using namespace opencat;

TEST_CASE("every piece of work is done once, by no more threads than were allowed") {
  for (const unsigned threads : {1u, 3u, 0u}) {
    std::mutex mutex;
    std::multiset<std::size_t> done;
    std::atomic<int> running{0};
    std::atomic<int> most{0};
    in_parallel(50, threads, {}, [&](std::size_t i, const std::stop_token&) {
      const int now = ++running;
      for (int before = most; before < now && !most.compare_exchange_weak(before, now);) {
      }
      {
        const std::lock_guard lock(mutex);
        done.insert(i);
      }
      --running;
    });
    CHECK(done.size() == 50);
    CHECK(std::set<std::size_t>(done.begin(), done.end()).size() == 50);
    CHECK(most <= static_cast<int>(threads == 0 ? usable_threads() : threads));
  }
  in_parallel(0, 3, {}, [](std::size_t, const std::stop_token&) { FAIL("there is no work"); });
}

TEST_CASE("the first failure stops the others, and is what is thrown") {
  try {
    in_parallel(1000, 2, {}, [&](std::size_t i, const std::stop_token& stop) {
      if (i == 0) throw Error(ErrorKind::integrity, "the reason");
      // The other waits until it hears of it; that it was interrupted is no reason of its own.
      while (!stop.stop_requested()) std::this_thread::yield();
      throw Error(ErrorKind::interrupted, "interrupted");
    });
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::integrity);
  }
}

TEST_CASE("a stop from outside reaches who is at work, and nothing more begins") {
  std::stop_source stop;
  std::atomic<int> begun{0};
  try {
    in_parallel(1000, 2, stop.get_token(), [&](std::size_t, const std::stop_token& its_stop) {
      ++begun;
      stop.request_stop();
      while (!its_stop.stop_requested()) std::this_thread::yield();
    });
    FAIL("it was not stopped");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::interrupted);
  }
  CHECK(begun <= 2);
}
