// SPDX-License-Identifier: MIT
#include "opencat/sockets.hpp"

#include <cerrno>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace opencat::sockets {

namespace {

std::optional<std::size_t> result_of(ssize_t count) {
  if (count > 0) return static_cast<std::size_t>(count);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  return 0;
}

std::string ip_of(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
  } else if (address.ss_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text, sizeof text);
  }
  return text;
}

int option_of(int socket, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 ? value : 0;
}

}  // namespace

void set_non_blocking(int socket) { fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK); }

void send_at_once(int socket) {
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void own_port(int socket) {
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

std::optional<std::size_t> receive(int socket, char* target, std::size_t size) {
  return result_of(::recv(socket, target, size, MSG_DONTWAIT));
}

std::optional<std::size_t> receive(int socket, char* target, std::size_t size, bool& broken) {
  const ssize_t count = ::recv(socket, target, size, MSG_DONTWAIT);
  const auto result = result_of(count);
  broken = count < 0 && result;
  return result;
}

std::optional<std::size_t> send(int socket, std::string_view bytes) {
  return result_of(::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

void end(int socket) { ::shutdown(socket, SHUT_WR); }

void close(int socket) { ::close(socket); }

std::string peer_ip(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return ip_of(address);
}

Accepted accept(int listener) {
  Accepted result;
#ifdef __linux__
  result.socket = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
#else
  result.socket = ::accept(listener, nullptr, nullptr);
  if (result.socket >= 0) ::fcntl(result.socket, F_SETFD, FD_CLOEXEC);
#endif
  result.exhausted =
      result.socket < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM);
  return result;
}

std::optional<Place> listens_at(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return std::nullopt;
  if (option_of(socket, SO_ACCEPTCONN) == 0 || option_of(socket, SO_TYPE) != SOCK_STREAM) return std::nullopt;
  if (address.ss_family == AF_INET)
    return Place{ip_of(address), ntohs(reinterpret_cast<sockaddr_in&>(address).sin_port)};
  if (address.ss_family == AF_INET6)
    return Place{ip_of(address), ntohs(reinterpret_cast<sockaddr_in6&>(address).sin6_port)};
  return std::nullopt;
}

}  // namespace opencat::sockets
