// SPDX-License-Identifier: MIT
// What the systems call differently about sockets, under one name each, as opencat/descriptor.hpp has it for
// files.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace opencat::sockets {

/// For the other calls, and for libraries that wait for nothing: no call on it waits from now on.
void set_non_blocking(int socket);
/// Has what is written leave at once instead of waiting up to 40 ms for the acknowledgement of what went
/// before.
void send_at_once(int socket);
/// A listener's port is its own: a second server must not share it, and one that follows may have it at once.
void own_port(int socket);

/// Bytes that came or went, at least one; 0 for a connection that is over; nothing when it would have to
/// wait.
std::optional<std::size_t> receive(int socket, char* target, std::size_t size);
std::optional<std::size_t> send(int socket, std::string_view bytes);
/// The same as receive() for whoever must know how a connection ended: `broken` is set when it was not the
/// peer that ended it in order.
std::optional<std::size_t> receive(int socket, char* target, std::size_t size, bool& broken);

/// The next connection of a listener that does not block: -1 when none waits, `exhausted` when there is one
/// and no file may be opened for it.
struct Accepted {
  int socket = -1;
  bool exhausted = false;
};
Accepted accept(int listener);

/// Where a TCP socket listens; nothing for a descriptor that is anything else.
struct Place {
  std::string ip;
  int port = 0;
};
std::optional<Place> listens_at(int socket);

/// Tells the peer that nothing more will be written.
void end(int socket);
void close(int socket);

/// The peer's address, as text; "" when the connection is over.
std::string peer_ip(int socket);

}  // namespace opencat::sockets
