// SPDX-License-Identifier: MIT
// What the server keeps, in the domain's terms. SqliteStore is one way to keep it.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>

#include "opencat/clock.hpp"
#include "server/domain/plan.hpp"
#include "server/domain/quota.hpp"
#include "server/domain/token.hpp"

namespace opencat {

/// Where one admitted request is counted; what settles it later names the same row.
struct Reservation {
  std::string token_id;
  std::string date;
  std::string model;
};

/// One request that wants to be counted.
struct AdmissionRequest {
  std::string token_hash;
  std::string model;
  QuotaPeriod period;
  Time now;
  /// Only ask whether the token may: nothing is counted.
  bool only_ask = false;
  /// The client left the choice of the model to the server: then the token's plan may choose another.
  bool automatic = false;
};

struct Admission {
  enum class Verdict {
    admitted,
    unknown_token,
    disabled,
    expired,
    model_not_allowed,
    rate_limited,
    daily_used_up,
    monthly_used_up
  };
  Verdict verdict = Verdict::unknown_token;
  std::string token_id;
  std::string model;  ///< the request's, or the one that the plan chose
  Limits limits;
  QuotaUse use;                        ///< with this request, if it was admitted
  std::chrono::seconds retry_after{};  ///< when rate limited
};

/// Something that an address may do only so often; see Store::take_place().
struct PlaceRequest {
  std::string address;  ///< as address_key() has it
  std::size_t limit = 0;
  std::chrono::seconds window{};  ///< in any so long time
  Time now;
};

struct StoreOptions {
  std::size_t requests_per_minute = 20;  ///< per token, in a sliding window, unless its plan says another
  /// So long a request waits for another program that holds the database; then it is 503.
  std::chrono::milliseconds busy_timeout{5000};
  /// This machine's, for a store that several share: see Store::clock_ahead(). Null: they are not compared.
  const Clock* clock = nullptr;
  /// Hears how long each commit took, on the store's thread.
  std::function<void(std::chrono::nanoseconds)> on_commit = {};
  /// Of tokens for which neither they nor their plan say any.
  Limits default_limits = {};
};

/// Tokens of the language model that a request used.
struct TokenUse {
  std::int64_t prompt = 0;
  std::int64_t completion = 0;
  bool estimated = false;  ///< the upstream told none, so they were estimated from what passed through
};

struct TokenState {
  enum class Status { active, disabled, expired, quota_exceeded, deleted };
  TokenRecord token;
  QuotaUse use;
  bool expired = false;  ///< its plan has ended

  /// What a person is told of it: deleted before disabled before ended before used
  /// up.
  Status status() const {
    if (!token.deleted_at.empty()) return Status::deleted;
    if (token.status == TokenStatus::disabled) return Status::disabled;
    if (expired) return Status::expired;
    return quota_verdict(token.limits, use) == QuotaVerdict::within ? Status::active : Status::quota_exceeded;
  }
};

struct PlanUse {
  Plan plan;
  std::int64_t tokens = 0;  ///< that name it and are not deleted
};

/// Calls come from any thread. Those with a callback return at once and call it from a thread of the store's,
/// after what they did is on disk; the others wait for that. Failures of the disk are Error(failed), a full
/// queue is Error(unavailable); a callback gets them as `problem`.
class Store {
 public:
  virtual ~Store() = default;

  virtual void issue(const TokenRecord& token) = 0;
  virtual std::optional<TokenState> find_by_hash(const std::string& token_hash,
                                                 const QuotaPeriod& period) = 0;

  virtual std::optional<PlanUse> plan(const std::string& name) = 0;

  using OnAdmission = std::function<void(Admission admission, std::exception_ptr problem)>;
  /// Looks the token up, compares its use with its limits and counts the request, all in one step that no
  /// other can come between. Throws Error(unavailable) at once when too many wait.
  virtual void admit(AdmissionRequest request, OnAdmission on_admission) = 0;
  /// Uncounts a request that got no answer from the upstream.
  virtual void give_back(Reservation reservation) = 0;
  /// Adds what an answer used; on disk within a moment.
  virtual void settle(Reservation reservation, TokenUse use) = 0;

  /// Counts one event of the address and returns zero, or returns how long until one would fit.
  virtual std::chrono::seconds take_place(const PlaceRequest& request) = 0;

  /// How far the clock by which all that share the store go is ahead of the clock of this machine. Zero
  /// where nobody shares it.
  virtual std::chrono::milliseconds clock_ahead() const { return {}; }

  /// Whether it can be written: changes nothing, but goes all the way to the disk. Throws Error(unavailable)
  /// at once when too many wait.
  virtual void probe(std::function<void(std::exception_ptr problem)> done) = 0;
  /// How much waits to be committed.
  virtual std::size_t waiting() const = 0;
};

}  // namespace opencat
