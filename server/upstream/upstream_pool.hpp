// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "server/upstream/upstream.hpp"
#include "server/upstream/upstream_health.hpp"

namespace opencat {

/// How one upstream is doing, for the operator.
struct UpstreamStatus {
  UpstreamConfig config;  ///< without its key
  UpstreamHealth::State state = UpstreamHealth::State::healthy;
  std::optional<Time> cooling_until;
  std::size_t in_flight = 0;
  std::uint64_t calls = 0;
  std::uint64_t failures = 0;
  std::string last_failure;  ///< "" when there was none
  std::optional<Time> last_failure_at;
};

/// The upstreams and whose turn it is: the lowest priority number first, by weight among equals (smooth
/// weighted round robin, as nginx has it), only those that are healthy and below their cap. One that failed
/// is probed before it gets traffic again, unless no other offers the model at all: then asking is better
/// than refusing. Any thread may call it.
class UpstreamPool : public std::enable_shared_from_this<UpstreamPool> {
  struct Member;

 public:
  using Make = std::function<std::unique_ptr<Upstream>(const UpstreamConfig& config)>;
  using Log = std::function<void(const std::string& line)>;

  /// Probes run in `prober`, which must outlive the pool and have ended when that goes.
  UpstreamPool(UpstreamLoop prober, Clock& clock, Make make, Log log, UpstreamHealth::Pauses pauses = {});
  ~UpstreamPool();
  UpstreamPool(const UpstreamPool&) = delete;
  UpstreamPool& operator=(const UpstreamPool&) = delete;

  /// Takes over a new list. One that is described as before keeps its health; calls to one that is gone go
  /// on.
  void configure(const std::vector<UpstreamConfig>& configs);

  bool empty() const;
  /// What clients may ask for, aliases too, each once.
  std::vector<std::string> models() const;
  /// The name that a request for `model` is counted under: "auto" is the first upstream's default. Throws
  /// Error(model_not_found) when nobody offers it for this endpoint, Error(unavailable) when there are none.
  std::string counted_name(const std::string& model, const Endpoint& endpoint) const;

  /// The right to one call; it counts against the upstream's cap while it lives. It ends with one of
  /// succeeded() and failed(), or with neither when the call says nothing of the upstream.
  class Lease {
   public:
    Lease(Lease&&) = default;
    Lease& operator=(Lease&& other) noexcept;
    ~Lease();

    Upstream& upstream() const;
    const std::string& name() const;
    const std::string& key() const;
    const std::string& model() const { return model_; }  ///< by the upstream's name
    void succeeded();
    void failed(const std::string& why, std::optional<std::chrono::seconds> retry_after = {});

   private:
    friend class UpstreamPool;
    Lease(std::shared_ptr<UpstreamPool> pool, std::shared_ptr<Member> member, std::string model);
    void release();

    std::shared_ptr<UpstreamPool> pool_;
    std::shared_ptr<Member> member_;
    std::string model_;
  };

  /// Chooses one that is not in `tried` (names); nothing when there is none left. Throws Error(unavailable)
  /// when all that could serve are at their caps.
  std::optional<Lease> choose(const std::string& model, const Endpoint& endpoint,
                              const std::vector<std::string>& tried);

  std::vector<UpstreamStatus> status() const;

 private:
  class Probe;
  std::vector<std::shared_ptr<Member>> serving(const std::string& model, const Endpoint& endpoint) const;
  void note_failure(const std::shared_ptr<Member>& member, const std::string& why,
                    std::optional<std::chrono::seconds> retry_after);
  void schedule_probe(const std::shared_ptr<Member>& member, Time at);
  void probe(const std::shared_ptr<Member>& member);
  void probed(const std::shared_ptr<Member>& member, bool well, const std::string& why);

  UpstreamLoop prober_;
  Clock& clock_;
  Make make_;
  Log log_;
  UpstreamHealth::Pauses pauses_;
  mutable std::mutex mutex_;  ///< guards all below, and what changes in a Member
  std::vector<std::shared_ptr<Member>> members_;
  /// Those under way; the prober's loop's, so it needs no lock.
  std::map<const Member*, std::unique_ptr<Probe>> probes_;
};

}  // namespace opencat
