// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/http/router.hpp"
#include "server/metrics/metrics.hpp"

namespace opencat::routes {

/// Whether the server should be given requests. Any thread may call it.
class Readiness {
 public:
  /// Writes the database and says what came of it: Store::probe().
  using Probe = std::function<void(std::function<void(std::exception_ptr problem)> done)>;
  explicit Readiness(Probe probe);
  ~Readiness();

  void drain() { draining_ = true; }

  /// Why not, for people; empty: it is ready. `tell` is called once, in this call or on a thread of the
  /// store's: the database is written to find out, by one call for all that ask meanwhile.
  void check(std::function<void(std::vector<std::string> reasons)> tell);

 private:
  struct Shared;
  Probe probe_;
  std::atomic<bool> draining_{false};
  std::shared_ptr<Shared> shared_;  ///< outlives this for as long as the store has not answered
};

/// /healthz, /readyz and /metrics: on the main port, and on one of their own.
void add_probe_routes(http::Routes& routes, Readiness& readiness, const metrics::Registry& registry);

}  // namespace opencat::routes
