// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>

#include "server/handover.hpp"
#include "server/http/http_server.hpp"
#include "server/routes/probes.hpp"

namespace opencat {

/// The end of a server: what it is waited for, and what becomes of its clients then.
class Ending {
 public:
  struct Parts {
    http::HttpServer& http;
    http::HttpServer* ops;  ///< null: none
    routes::Readiness& readiness;
    std::chrono::seconds drain_timeout;
  };

  /// Any thread.
  void hand_over(Handover how);
  bool is_beside_another() const;

  /// Returns when a stop was requested or the server handed over, and all clients have been answered or cut.
  void run(const std::stop_token& stop, const Parts& parts);

 private:
  mutable std::mutex mutex_;  ///< guards handover_
  std::condition_variable_any changed_;
  std::optional<Handover> handover_;
};

}  // namespace opencat
