// SPDX-License-Identifier: MIT
#include "opencat/event_loop.hpp"

#include <array>
#include <functional>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include "tests/catch.hpp"

using namespace opencat;
using namespace std::chrono_literals;

namespace {

/// Two connected sockets.
struct Pair {
  std::array<int, 2> ends{};
  Pair() { REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0); }
  ~Pair() {
    for (const int end : ends) {
      if (end >= 0) ::close(end);
    }
  }
  void say() { REQUIRE(::send(ends[1], "x", 1, 0) == 1); }
  void leave() { ::close(std::exchange(ends[1], -1)); }
};

struct Listener : Watcher {
  std::function<void(unsigned)> heard;
  explicit Listener(std::function<void(unsigned)> on) : heard(std::move(on)) {}
  void on_ready(unsigned readiness) override { heard(readiness); }
};

}  // namespace

TEST_CASE("posted work runs in its order, what it posts after it") {
  EventLoop loop;
  std::string order;
  loop.post([&] {
    order += 'a';
    loop.post([&] {
      order += 'd';
      loop.stop();
    });
  });
  loop.post([&] { order += 'b'; });
  loop.post([&] { order += 'c'; });
  loop.run();
  CHECK(order == "abcd");
}

TEST_CASE("work from other threads wakes the loop, and none is lost") {
  EventLoop loop;
  int count = 0;
  std::thread runner([&] { loop.run(); });
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) loop.post([&] { ++count; });
    });
  }
  for (auto& thread : threads) thread.join();
  loop.post([&] {
    CHECK(loop.in_loop());
    loop.stop();
  });
  CHECK_FALSE(loop.in_loop());
  runner.join();
  CHECK(count == 4000);
}

TEST_CASE("what was posted before the stop still runs") {
  EventLoop loop;
  bool ran = false;
  loop.stop();
  loop.post([&] { loop.post([&] { ran = true; }); });
  loop.run();
  CHECK(ran);
}

TEST_CASE("timers run in the order of their times, not before, and cancelled ones never") {
  EventLoop loop;
  std::string order;
  const auto begin = std::chrono::steady_clock::now();
  loop.call_after(20ms, [&] {
    order += 'c';
    loop.stop();
  });
  loop.call_after(10ms, [&] { order += 'b'; });
  loop.call_after(0ms, [&] { order += 'a'; });
  const auto cancelled = loop.call_after(5ms, [&] { order += 'x'; });
  EventLoop::Timer later = loop.call_after(15ms, [&] { order += 'y'; });
  loop.call_after(1ms, [&] { loop.cancel(later); });
  loop.cancel(cancelled);
  loop.run();
  CHECK(order == "abc");
  CHECK(std::chrono::steady_clock::now() - begin >= 20ms);
}

TEST_CASE("a watcher hears what it asked for, and of the other end's leaving") {
  EventLoop loop;
  Pair pair;
  std::vector<unsigned> heard;
  Listener listener([&](unsigned readiness) {
    heard.push_back(readiness);
    if (heard.size() == 1) {
      loop.change(pair.ends[0], 0);
      pair.say();
      pair.leave();
      return;
    }
    loop.unwatch(pair.ends[0]);
    loop.stop();
  });
  loop.watch(pair.ends[0], writable, listener);
  loop.run();
  REQUIRE(heard.size() == 2);
  CHECK(heard[0] == writable);
  CHECK(heard[1] == hung_up);
}

TEST_CASE("after unwatch no call comes, not even one already reported in the same turn") {
  EventLoop loop;
  Pair a;
  Pair b;
  a.say();
  b.say();
  int calls = 0;
  Listener listener([&](unsigned) {
    ++calls;
    loop.unwatch(a.ends[0]);
    loop.unwatch(b.ends[0]);
    loop.call_after(1ms, [&] { loop.stop(); });
  });
  loop.watch(a.ends[0], readable, listener);
  loop.watch(b.ends[0], readable, listener);
  loop.run();
  CHECK(calls == 1);
}

TEST_CASE("a descriptor's number that is used again belongs to its new watcher only") {
  EventLoop loop;
  Pair a;
  auto b = std::make_unique<Pair>();
  a.say();
  b->say();
  std::unique_ptr<Pair> next;
  int old_calls = 0;
  int new_calls = 0;
  Listener reused([&](unsigned) { ++new_calls; });
  Listener listener([&](unsigned) {
    if (++old_calls > 1) return;
    loop.unwatch(a.ends[0]);
    loop.unwatch(b->ends[0]);
    const int number = b->ends[0];
    b.reset();
    next = std::make_unique<Pair>();
    // The same number, and nothing to read: what the kernel reported was the old socket's.
    REQUIRE((next->ends[0] == number || next->ends[1] == number));
    loop.watch(number, readable, reused);
    loop.call_after(5ms, [&] { loop.stop(); });
  });
  loop.watch(a.ends[0], readable, listener);
  loop.watch(b->ends[0], readable, listener);
  loop.run();
  CHECK(old_calls == 1);
  CHECK(new_calls == 0);
}
