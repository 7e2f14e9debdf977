// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace opencat::http {

/// The bytes of one client's socket, plain or through TLS. Nothing waits, and nothing closes the descriptor.
/// Calls belong to one thread.
class Channel {
 public:
  enum class Outcome {
    done,       ///< `count` bytes, at least one
    again,      ///< nothing just now: call again when the descriptor is ready, see wants_writable()
    closed,     ///< the peer is gone, or speaks nonsense
    plain_http  ///< what arrived in the place of a TLS handshake is HTTP: go on with a plain channel
  };
  struct Result {
    Outcome outcome;
    std::size_t count = 0;
  };

  virtual ~Channel() = default;
  /// As much as there is, up to `size`.
  virtual Result read(char* target, std::size_t size) = 0;
  virtual Result write(std::string_view bytes) = 0;

  /// Whether read() has more to give that the descriptor's readiness would not tell of.
  virtual bool has_buffered() const { return false; }
  /// Whether read() can only go on when the descriptor is writable, and write() when it is readable: inside a
  /// handshake.
  virtual bool read_wants_writable() const { return false; }
  virtual bool write_wants_readable() const { return false; }
  /// False until a handshake is through.
  virtual bool is_established() const { return true; }
  /// Tells the peer that nothing more will be written.
  virtual void end() = 0;
};

/// `descriptor` must outlive the channel.
std::unique_ptr<Channel> plain_channel(int descriptor);

/// Makes the channel of each accepted socket. Any thread may call it.
class ChannelFactory {
 public:
  virtual ~ChannelFactory() = default;
  virtual std::unique_ptr<Channel> channel(int descriptor) const = 0;
};

}  // namespace opencat::http
