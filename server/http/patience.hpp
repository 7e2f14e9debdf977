// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>

namespace opencat::http {

/// How long a client may take; beyond it, its connection is closed. A slow one costs a connection and no
/// more.
struct Patience {
  std::chrono::milliseconds handshake{10'000};
  std::chrono::milliseconds keep_alive{75'000};   ///< between requests
  std::chrono::milliseconds head{20'000};         ///< for a request's head to arrive in full
  std::chrono::milliseconds body_stall{30'000};   ///< without a byte of its body
  std::chrono::milliseconds write_stall{60'000};  ///< without taking a byte of the answer
  std::chrono::milliseconds linger{2'000};        ///< to read a refusal before the socket goes
  /// Of a body that is kept until it is whole, after `body_stall`: one byte a second is no client.
  std::uint64_t slowest_body_per_s = 500;
  std::chrono::milliseconds sweep{1'000};  ///< how often all this is looked at
};

}  // namespace opencat::http
