// SPDX-License-Identifier: MIT
#include "opencat/poller.hpp"

#include <array>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "opencat/error.hpp"
#include "opencat/event_loop.hpp"

namespace opencat {

namespace {

constexpr std::uint64_t wakeup_tag = ~std::uint64_t{0};
constexpr std::size_t most_at_once = 256;

}  // namespace

struct Poller::State {
  std::array<Ready, most_at_once> ready;
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  int wakeup = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

  void control(int operation, int descriptor, unsigned wanted, std::uint64_t tag) const {
    epoll_event event{};
    event.events = EPOLLRDHUP;
    if (wanted & readable) event.events |= EPOLLIN;
    if (wanted & writable) event.events |= EPOLLOUT;
    event.data.u64 = tag;
    if (epoll_ctl(epoll, operation, descriptor, &event) != 0) throw system_error("cannot watch a socket");
  }
};

Poller::Poller() : state_(std::make_unique<State>()) {
  if (state_->epoll < 0 || state_->wakeup < 0) throw system_error("cannot make an event loop");
  state_->control(EPOLL_CTL_ADD, state_->wakeup, readable, wakeup_tag);
}

Poller::~Poller() {
  ::close(state_->wakeup);
  ::close(state_->epoll);
}

void Poller::wake() {
  const std::uint64_t one = 1;
  // A full counter wakes as well as one more would.
  [[maybe_unused]] const ssize_t written = ::write(state_->wakeup, &one, sizeof one);
}

void Poller::add(int descriptor, unsigned wanted, std::uint64_t tag) {
  state_->control(EPOLL_CTL_ADD, descriptor, wanted, tag);
}

void Poller::change(int descriptor, unsigned wanted, std::uint64_t tag) {
  state_->control(EPOLL_CTL_MOD, descriptor, wanted, tag);
}

void Poller::remove(int descriptor) { epoll_ctl(state_->epoll, EPOLL_CTL_DEL, descriptor, nullptr); }

std::span<const Poller::Ready> Poller::wait(int timeout_ms) {
  std::array<epoll_event, most_at_once> events;
  std::size_t found = 0;
  const int count = epoll_wait(state_->epoll, events.data(), static_cast<int>(events.size()), timeout_ms);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.u64 == wakeup_tag) {
      std::uint64_t counter = 0;
      [[maybe_unused]] const ssize_t got = ::read(state_->wakeup, &counter, sizeof counter);
      continue;
    }
    unsigned readiness = 0;
    if (event.events & EPOLLIN) readiness |= readable;
    if (event.events & EPOLLOUT) readiness |= writable;
    if (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) readiness |= hung_up;
    state_->ready[found++] = {event.data.u64, readiness};
  }
  return std::span(state_->ready).first(found);
}

}  // namespace opencat
