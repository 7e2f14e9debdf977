// SPDX-License-Identifier: MIT
// What the upstream and the load share: one thread's epoll loop with timers, plain sockets, no library, so
// that neither is the bottleneck.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

namespace bench {

/// Nanoseconds of the monotonic clock, the same in all processes of this machine.
std::int64_t now_ns();

/// Prints why and ends the process.
[[noreturn]] void die(const std::string& what);

class Loop {
 public:
  Loop();
  /// `ready` hears the events of epoll(7), on this thread.
  void watch(int socket, std::uint32_t events, std::function<void(std::uint32_t)> ready);
  void change(int socket, std::uint32_t events) const;
  void forget(int socket);
  void at(std::int64_t ns, std::function<void()> call);
  /// Until stop().
  void run();
  void stop() { stopped_ = true; }

 private:
  void run_timers();
  int epoll_;
  bool stopped_ = false;
  std::uint64_t next_ = 0;
  std::unordered_map<int, std::function<void(std::uint32_t)>> ready_;
  std::map<std::pair<std::int64_t, std::uint64_t>, std::function<void()>> timers_;
};

/// A socket listening on 127.0.0.1, and its port.
std::pair<int, int> listen_anywhere();
/// A non-blocking socket that connects to 127.0.0.1:`port`.
int connect_to(int port);
/// Without delay for small writes.
void no_delay(int socket);

/// The length of the first whole message (head and Content-Length's body) in `bytes`; 0: not yet whole.
std::size_t message_size(const std::string& bytes);
/// The number behind `"name":` in `text`.
std::int64_t number_of(const std::string& text, const std::string& name, std::int64_t otherwise);

}  // namespace bench
