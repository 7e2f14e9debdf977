// SPDX-License-Identifier: MIT
#include "opencat/poller.hpp"

#include <unordered_map>
#include <vector>

#include "opencat/error.hpp"
#include "opencat/event_loop.hpp"
#include "opencat/windows/api.hpp"

namespace opencat {

namespace {

/// A datagram socket that sends to itself: WSAPoll() waits for sockets only.
SOCKET make_wakeup() {
  WSADATA facts;
  if (WSAStartup(MAKEWORD(2, 2), &facts) != 0) return INVALID_SOCKET;
  const SOCKET made = ::socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
  if (made == INVALID_SOCKET) return made;
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int size = sizeof place;
  auto* const address = reinterpret_cast<sockaddr*>(&place);
  unsigned long on = 1;
  // Connected to itself, it takes nothing from others.
  if (::bind(made, address, size) == 0 && ::getsockname(made, address, &size) == 0 &&
      ::connect(made, address, size) == 0 && ::ioctlsocket(made, static_cast<long>(FIONBIO), &on) == 0) {
    return made;
  }
  ::closesocket(made);
  return INVALID_SOCKET;
}

}  // namespace

struct Poller::State {
  SOCKET wakeup = make_wakeup();
  // In one order: where each of `sockets` has its tag, and at which place a descriptor is. The first is
  // `wakeup`.
  std::vector<WSAPOLLFD> sockets;
  std::vector<std::uint64_t> tags;
  std::unordered_map<int, std::size_t> places;
  std::vector<Ready> ready;

  static short events_of(unsigned wanted) {
    return static_cast<short>((wanted & readable ? POLLRDNORM : 0) | (wanted & writable ? POLLWRNORM : 0));
  }
};

Poller::Poller() : state_(std::make_unique<State>()) {
  if (state_->wakeup == INVALID_SOCKET) throw Error(ErrorKind::failed, "cannot make an event loop");
  state_->sockets.push_back({state_->wakeup, POLLRDNORM, 0});
  state_->tags.push_back(0);
}

Poller::~Poller() {
  ::closesocket(state_->wakeup);
  WSACleanup();
}

void Poller::wake() { ::send(state_->wakeup, "", 1, 0); }

void Poller::add(int descriptor, unsigned wanted, std::uint64_t tag) {
  state_->places[descriptor] = state_->sockets.size();
  state_->sockets.push_back({static_cast<SOCKET>(descriptor), State::events_of(wanted), 0});
  state_->tags.push_back(tag);
}

void Poller::change(int descriptor, unsigned wanted, std::uint64_t tag) {
  const auto found = state_->places.find(descriptor);
  if (found == state_->places.end()) throw Error(ErrorKind::failed, "cannot watch a socket");
  state_->sockets[found->second].events = State::events_of(wanted);
  state_->tags[found->second] = tag;
}

void Poller::remove(int descriptor) {
  const auto found = state_->places.find(descriptor);
  if (found == state_->places.end()) return;
  const std::size_t place = found->second;
  state_->places.erase(found);
  // The last takes its place.
  state_->sockets[place] = state_->sockets.back();
  state_->tags[place] = state_->tags.back();
  state_->sockets.pop_back();
  state_->tags.pop_back();
  if (place < state_->sockets.size()) state_->places[static_cast<int>(state_->sockets[place].fd)] = place;
}

std::span<const Poller::Ready> Poller::wait(int timeout_ms) {
  state_->ready.clear();
  const int count =
      WSAPoll(state_->sockets.data(), static_cast<unsigned long>(state_->sockets.size()), timeout_ms);
  if (count <= 0) return {};
  if (state_->sockets.front().revents != 0) {
    char bytes[64];
    while (::recv(state_->wakeup, bytes, sizeof bytes, 0) > 0) {
    }
  }
  for (std::size_t place = 1; place < state_->sockets.size(); ++place) {
    const short events = state_->sockets[place].revents;
    unsigned readiness = 0;
    if (events & POLLRDNORM) readiness |= readable;
    if (events & POLLWRNORM) readiness |= writable;
    if (events & (POLLHUP | POLLERR | POLLNVAL)) readiness |= hung_up;
    if (readiness != 0) state_->ready.push_back({state_->tags[place], readiness});
  }
  return state_->ready;
}

}  // namespace opencat
