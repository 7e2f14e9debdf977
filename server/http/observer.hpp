// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/router.hpp"

namespace opencat::http {

/// One request that is over, for those who count and log. Valid during the call.
struct Answered {
  const Request& request;  ///< with nothing but id and address: it could not be read, or was one too many
  const Route* route;      ///< null: no route's
  const AnswerNotes& notes;
  int status;           ///< what the client was told; 499 when it left before it was told anything
  std::uint64_t bytes;  ///< of the answer, its head included, as given to the system to send
  std::chrono::steady_clock::duration duration;  ///< since its head had arrived
  /// Until the first piece of a streamed answer.
  std::optional<std::chrono::steady_clock::duration> first_piece;
  bool streamed;
  bool cut;  ///< the client left before the answer was whole
};

/// Hears of all requests, on the loops' threads: it must not block, and it must not throw.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void request_began() = 0;
  virtual void stream_began() = 0;
  /// One that had not begun, too: a refused one.
  virtual void request_ended(const Answered& answered, bool had_begun) = 0;
  virtual void connection_refused() = 0;
};

/// A route's name for people and metrics: its pattern's first alternative, with "{}" for a group:
/// "/api/tokens/([a-z]+)/status|/x" is "/api/tokens/{}/status". Routes below /assets/ are one.
std::string route_name(const std::string& pattern);

}  // namespace opencat::http
