// SPDX-License-Identifier: MIT
#include "server/store/commit_queue.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <stdexcept>
#include <string>
#include <vector>

#include "opencat/error.hpp"
#include "tests/catch.hpp"

using namespace opencat;

namespace {

/// Records what a queue does. Only the queue's thread writes; tests read after the queue is gone.
struct Journal {
  std::vector<std::string> steps;
  std::string failing;  ///< the step that throws
  int failures = 1;     ///< how often it does

  void take(const std::string& step) {
    steps.push_back(step);
    if (step == failing && failures-- > 0) throw std::runtime_error(step + " failed");
  }
  CommitQueue::Transaction transaction() {
    return {[this] { take("begin"); }, [this] { take("commit"); }, [this] { take("roll back"); }};
  }
  CommitQueue::Work work(const std::string& name) {
    return {[this, name] { take("run " + name); },
            [this, name](std::exception_ptr problem) { steps.push_back(told(name, problem)); }};
  }
  static std::string told(const std::string& name, std::exception_ptr problem) {
    try {
      if (problem) std::rethrow_exception(problem);
      return name + " done";
    } catch (const std::exception& failure) {
      return name + ": " + failure.what();
    }
  }
};

/// Work that holds the queue's thread, so that what comes after it gathers into one group.
class Gate {
 public:
  CommitQueue::Work work() {
    return {[this] {
              reached_.set_value();
              opened_.get_future().wait();
            },
            {}};
  }
  void wait_until_reached() { reached_.get_future().wait(); }
  void open() { opened_.set_value(); }

 private:
  std::promise<void> reached_;
  std::promise<void> opened_;
};

/// What the queue does with one group of the works named.
std::vector<std::string> steps_of_group(Journal& journal, const std::vector<std::string>& names) {
  {
    Gate gate;
    CommitQueue queue(journal.transaction(), 100);
    queue.add(gate.work());
    gate.wait_until_reached();
    for (const std::string& name : names) queue.add(journal.work(name));
    gate.open();
  }
  const std::vector<std::string> first{"begin", "commit"};
  REQUIRE(journal.steps.size() >= 2);
  CHECK(std::vector(journal.steps.begin(), journal.steps.begin() + 2) == first);
  return {journal.steps.begin() + 2, journal.steps.end()};
}

using Steps = std::vector<std::string>;

}  // namespace

TEST_CASE("CommitQueue commits what gathered in one transaction, and tells only after the commit") {
  Journal journal;
  CHECK(steps_of_group(journal, {"a", "b", "c"}) ==
        Steps{"begin", "run a", "run b", "run c", "commit", "a done", "b done", "c done"});
}

TEST_CASE("CommitQueue tells a piece that throws, and the others of its group are committed") {
  Journal journal;
  journal.failing = "run b";
  CHECK(steps_of_group(journal, {"a", "b", "c"}) ==
        Steps{"begin", "run a", "run b", "run c", "commit", "a done", "b: run b failed", "c done"});
}

TEST_CASE("CommitQueue tells everyone of the group when the commit fails, and takes it back") {
  Journal journal;
  journal.failing = "commit";
  journal.failures = 2;
  {
    Gate gate;
    CommitQueue queue(journal.transaction(), 100);
    queue.add(gate.work());
    gate.wait_until_reached();
    queue.add(journal.work("a"));
    queue.add(journal.work("b"));
    gate.open();
  }
  CHECK(journal.steps == Steps{"begin", "commit", "roll back", "begin", "run a", "run b", "commit",
                               "roll back", "a: commit failed", "b: commit failed"});
}

TEST_CASE("CommitQueue tells everyone when no transaction can begin, and runs nothing") {
  Journal journal;
  journal.failing = "begin";
  {
    CommitQueue queue(journal.transaction(), 100);
    queue.add(journal.work("a"));
  }
  CHECK(journal.steps == Steps{"begin", "roll back", "a: begin failed"});
}

TEST_CASE("CommitQueue goes on after a failed commit, also when taking it back fails") {
  Journal journal;
  journal.failing = "commit";
  CommitQueue queue(
      {[] {}, [&] { journal.take("commit"); }, [] { throw std::runtime_error("no transaction"); }}, 100);
  CHECK_THROWS_WITH(queue.wait_for([] {}), "commit failed");
  CHECK_NOTHROW(queue.wait_for([] {}));
}

TEST_CASE("CommitQueue refuses work over its bound with unavailable, but not what must be done") {
  Journal journal;
  {
    Gate gate;
    CommitQueue queue(journal.transaction(), 2);
    queue.add(gate.work());
    gate.wait_until_reached();
    queue.add(journal.work("a"));
    queue.add(journal.work("b"));
    try {
      queue.add(journal.work("c"));
      FAIL("it was taken");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::unavailable);
    }
    CHECK_THROWS_AS(queue.wait_for([] {}), Error);
    queue.add_always(journal.work("d").run);
    gate.open();
  }
  CHECK(journal.steps ==
        Steps{"begin", "commit", "begin", "run a", "run b", "run d", "commit", "a done", "b done"});
}

TEST_CASE("CommitQueue tries what must be done again until it is kept, and loses nothing else meanwhile") {
  Journal journal;
  journal.failing = "begin";
  std::promise<void> kept;
  {
    CommitQueue queue(journal.transaction(), 100);
    queue.add_always([&] {
      journal.take("run a");
      kept.set_value();
    });
    kept.get_future().wait();
  }
  CHECK(journal.steps == Steps{"begin", "roll back", "begin", "run a", "commit"});
}

TEST_CASE("CommitQueue gives up what must be done only when it ends and nothing helps") {
  Journal journal;
  journal.failing = "begin";
  journal.failures = 1000;
  {
    CommitQueue queue(journal.transaction(), 100);
    queue.add_always([&] { journal.take("run a"); });
  }
  CHECK(std::count(journal.steps.begin(), journal.steps.end(), "run a") == 0);
  CHECK(journal.steps.size() <= 8);
}

TEST_CASE("CommitQueue runs work that a callback adds") {
  Journal journal;
  std::promise<void> told;
  CommitQueue queue(journal.transaction(), 100);
  queue.add({[] {},
             [&](std::exception_ptr) {
               queue.add({[] {}, [&](std::exception_ptr) { told.set_value(); }});
             }});
  told.get_future().wait();
}

TEST_CASE("CommitQueue wait_for returns after the commit and throws what the work threw") {
  std::atomic<int> commits{0};
  CommitQueue queue({[] {}, [&] { ++commits; }, [] {}}, 100);
  queue.wait_for([] {});
  CHECK(commits == 1);
  CHECK_THROWS_WITH(queue.wait_for([] { throw std::runtime_error("no"); }), "no");
  CHECK(commits == 2);
}

TEST_CASE("lazy work is committed with the next group, alone a moment later, and before the queue's end") {
  Journal journal;
  {
    CommitQueue queue(journal.transaction(), 100);
    queue.add_lazily([&] { journal.take("run lazy"); });
    queue.wait_for([&] { journal.take("run urgent"); });
    std::promise<void> ran;
    queue.add_lazily([&] {
      journal.take("run alone");
      ran.set_value();
    });
    ran.get_future().wait();
    queue.add_lazily([&] { journal.take("run last"); });
  }
  CHECK(journal.steps == std::vector<std::string>{"begin", "run lazy", "run urgent", "commit", "begin",
                                                  "run alone", "commit", "begin", "run last", "commit"});
}
