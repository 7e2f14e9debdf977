// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "opencat/clock.hpp"
#include "opencat/random.hpp"
#include "server/domain/token.hpp"
#include "server/metrics/server_metrics.hpp"
#include "server/routes/default_plan.hpp"
#include "server/store/store.hpp"
#include "server/upstream/upstream_pool.hpp"

namespace opencat::routes {

/// What the routes work with; it outlives them.
struct Services {
  Store& store;
  Clock& clock;
  Entropy& entropy;
  std::shared_ptr<UpstreamPool> upstreams;
  std::vector<UpstreamLoop> loops;  ///< by the exchange's loop_index()
  Limits default_limits;
  std::chrono::minutes utc_offset{};                ///< of the zone in which a quota's day begins
  std::chrono::milliseconds ping_interval{15'000};  ///< of silence in a stream before a comment fills it
  std::filesystem::path spool_folder;               ///< for uploads that must wait for their model's name
  std::string public_url;                           ///< without a last slash
  /// A line for the server's log; holds no secret.
  std::function<void(const std::string&)> warn;
  metrics::ServerMetrics* metrics = nullptr;  ///< null: nobody asks for them
  std::shared_ptr<DefaultPlan> default_plan = std::make_shared<DefaultPlan>();

  std::optional<PlanUse> plan(const std::string& name) const { return store.plan(name); }
  QuotaPeriod period() const { return quota_period(clock.now(), utc_offset); }
};

/// The hash by which the store knows a token: its SHA-256, 32 bytes.
std::string token_hash(const std::string& token);

}  // namespace opencat::routes
