// SPDX-License-Identifier: MIT
#include "bench/relay/loop.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace bench {

std::int64_t now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

void die(const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

void Loop::watch(int socket, std::uint32_t events, std::function<void(std::uint32_t)> ready) {
  ready_[socket] = std::move(ready);
  epoll_event event{};
  event.events = events;
  event.data.fd = socket;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0) die("epoll_ctl");
}

void Loop::change(int socket, std::uint32_t events) const {
  epoll_event event{};
  event.events = events;
  event.data.fd = socket;
  if (epoll_ctl(epoll_, EPOLL_CTL_MOD, socket, &event) != 0) die("epoll_ctl");
}

void Loop::forget(int socket) {
  epoll_ctl(epoll_, EPOLL_CTL_DEL, socket, nullptr);
  ready_.erase(socket);
}

void Loop::at(std::int64_t ns, std::function<void()> call) {
  timers_.emplace(std::pair{ns, next_++}, std::move(call));
}

void Loop::run_timers() {
  const std::int64_t now = now_ns();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    const auto call = std::move(timers_.extract(timers_.begin()).mapped());
    call();
  }
}

void Loop::run() {
  std::array<epoll_event, 256> events{};
  while (!stopped_) {
    int wait_ms = -1;
    if (!timers_.empty()) {
      const std::int64_t left = timers_.begin()->first.first - now_ns();
      wait_ms = left <= 0 ? 0 : static_cast<int>((left + 999'999) / 1'000'000);
    }
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_ms);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      const auto found = ready_.find(event.data.fd);
      if (found == ready_.end()) continue;
      const auto ready = found->second;  // it may forget itself
      ready(event.events);
    }
    run_timers();
  }
}

namespace {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

std::pair<int, int> listen_anywhere() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  if (bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("bind");
  if (::listen(socket, SOMAXCONN) != 0) die("listen");
  socklen_t size = sizeof address;
  getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return {socket, ntohs(address.sin_port)};
}

int connect_to(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) die("socket");
  no_delay(socket);
  const sockaddr_in address = loopback(port);
  if (connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS)
    die("connect");
  return socket;
}

void no_delay(int socket) {
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

std::size_t message_size(const std::string& bytes) {
  const std::size_t head = bytes.find("\r\n\r\n");
  if (head == std::string::npos) return 0;
  std::size_t length = 0;
  for (const char* name : {"Content-Length: ", "content-length: "}) {
    const std::size_t at = bytes.find(name);
    if (at != std::string::npos && at < head) length = std::strtoul(bytes.c_str() + at + 16, nullptr, 10);
  }
  const std::size_t size = head + 4 + length;
  return bytes.size() < size ? 0 : size;
}

std::int64_t number_of(const std::string& text, const std::string& name, std::int64_t otherwise) {
  const std::size_t at = text.find("\"" + name + "\":");
  return at == std::string::npos ? otherwise : std::strtoll(text.c_str() + at + name.size() + 3, nullptr, 10);
}

}  // namespace bench
