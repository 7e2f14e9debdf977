// SPDX-License-Identifier: MIT
#include "opencat/sockets.hpp"

#include <algorithm>
#include <climits>

#include "opencat/windows/api.hpp"

// A SOCKET is a handle, and a handle has 32 bits that count
// (https://learn.microsoft.com/en-us/windows/win32/winprog64/interprocess-communication): it fits into an
// int.
namespace opencat::sockets {

namespace {

SOCKET handle(int socket) { return static_cast<SOCKET>(socket); }

int part(std::size_t size) { return static_cast<int>(std::min<std::size_t>(size, INT_MAX)); }

std::optional<std::size_t> result_of(int count) {
  if (count > 0) return static_cast<std::size_t>(count);
  if (count < 0 && WSAGetLastError() == WSAEWOULDBLOCK) return std::nullopt;
  return 0;
}

void set_option(int socket, int level, int name) {
  const int on = 1;
  setsockopt(handle(socket), level, name, reinterpret_cast<const char*>(&on), sizeof on);
}

}  // namespace

void set_non_blocking(int socket) {
  unsigned long on = 1;
  ioctlsocket(handle(socket), static_cast<long>(FIONBIO), &on);
}

void send_at_once(int socket) { set_option(socket, IPPROTO_TCP, TCP_NODELAY); }

// SO_REUSEADDR would let any program of the user's take the port away.
void own_port(int socket) { set_option(socket, SOL_SOCKET, SO_EXCLUSIVEADDRUSE); }

std::optional<std::size_t> receive(int socket, char* target, std::size_t size) {
  return result_of(::recv(handle(socket), target, part(size), 0));
}

std::optional<std::size_t> receive(int socket, char* target, std::size_t size, bool& broken) {
  const int count = ::recv(handle(socket), target, part(size), 0);
  const auto result = result_of(count);
  broken = count < 0 && result;
  return result;
}

std::optional<std::size_t> send(int socket, std::string_view bytes) {
  return result_of(::send(handle(socket), bytes.data(), part(bytes.size()), 0));
}

void end(int socket) { ::shutdown(handle(socket), SD_SEND); }

void close(int socket) { ::closesocket(handle(socket)); }

std::string peer_ip(int socket) {
  sockaddr_storage address{};
  int size = sizeof address;
  if (getpeername(handle(socket), reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(&address)->sin_addr, text, sizeof text);
  } else if (address.ss_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<sockaddr_in6*>(&address)->sin6_addr, text, sizeof text);
  }
  return text;
}

Accepted accept(int listener) {
  Accepted result;
  const SOCKET socket = ::accept(handle(listener), nullptr, nullptr);
  result.socket = socket == INVALID_SOCKET ? -1 : static_cast<int>(socket);
  result.exhausted =
      socket == INVALID_SOCKET && (WSAGetLastError() == WSAEMFILE || WSAGetLastError() == WSAENOBUFS);
  return result;
}

// Nobody hands a socket to a program that is started here.
std::optional<Place> listens_at(int) { return std::nullopt; }

}  // namespace opencat::sockets
