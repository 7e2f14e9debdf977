// SPDX-License-Identifier: MIT
#include "server/upstream/upstream_pool.hpp"

#include <algorithm>

#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat {

struct UpstreamPool::Member {
  UpstreamConfig config;
  std::unique_ptr<Upstream> upstream;
  UpstreamHealth health;
  bool probe_due = false;  ///< a timer or a probe is under way
  int turn = 0;            ///< of the smooth weighted round robin
  std::size_t in_flight = 0;
  std::uint64_t calls = 0;
  std::uint64_t failures = 0;
  std::string last_failure;
  std::optional<Time> last_failure_at;

  bool takes(const Endpoint& endpoint) const {
    switch (config.kind) {
      case UpstreamKind::openai:
        return true;
      case UpstreamKind::anthropic:
        return endpoint.dialect == Dialect::anthropic;
      case UpstreamKind::demo:
        return endpoint.path == "/chat/completions";
    }
    return false;
  }
  /// The upstream's name for the model; "" when it does not offer it.
  std::string name_of(const std::string& model) const {
    if (model == "auto") return config.models.front();
    const auto alias = config.aliases.find(model);
    if (alias != config.aliases.end()) return alias->second;
    return contains(config.models, model) ? model : std::string();
  }
  bool at_cap() const { return config.max_concurrent > 0 && in_flight >= config.max_concurrent; }
  bool healthy() const { return health.state() == UpstreamHealth::State::healthy; }
};

/// A probe on its way, in the prober's loop.
class UpstreamPool::Probe : public TransferListener {
 public:
  Probe(UpstreamPool& pool, std::shared_ptr<Member> member) : pool_(pool), member_(std::move(member)) {}

  /// Whether there is anything to wait for.
  bool start(UpstreamLoop& loop) {
    transfer_ = member_->upstream->probe(loop, *this);
    return transfer_ != nullptr;
  }

 private:
  void on_head(int status, const HttpHeaders&) override { status_ = status; }
  void on_body(std::string_view) override {}
  void on_end(std::optional<Error> failure) override {
    // Any answer but these shows that somebody is there and not too busy: some have no /models at all.
    const bool well = !failure && status_ < 500 && status_ != 408 && status_ != 429;
    pool_.probed(member_, well, failure ? failure->message() : "status " + std::to_string(status_));
    // Not from within the transfer's own call.
    pool_.prober_.loop.post([weak = pool_.weak_from_this(), member = member_.get()] {
      if (const auto pool = weak.lock()) pool->probes_.erase(member);
    });
  }

  UpstreamPool& pool_;
  std::shared_ptr<Member> member_;
  std::unique_ptr<Transfer> transfer_;
  int status_ = 0;
};

UpstreamPool::UpstreamPool(UpstreamLoop prober, Clock& clock, Make make, Log log,
                           UpstreamHealth::Pauses pauses)
    : prober_(prober), clock_(clock), make_(std::move(make)), log_(std::move(log)), pauses_(pauses) {}

UpstreamPool::~UpstreamPool() = default;

void UpstreamPool::configure(const std::vector<UpstreamConfig>& configs) {
  std::vector<std::shared_ptr<Member>> fresh;
  const std::lock_guard lock(mutex_);
  for (const UpstreamConfig& config : configs) {
    const auto same = std::find_if(members_.begin(), members_.end(),
                                   [&](const auto& member) { return member->config == config; });
    if (same != members_.end()) {
      fresh.push_back(*same);
      continue;
    }
    const auto member = std::make_shared<Member>();
    member->config = config;
    member->upstream = make_(config);
    member->health = UpstreamHealth(pauses_);
    fresh.push_back(member);
  }
  std::stable_sort(fresh.begin(), fresh.end(), [](const auto& one, const auto& other) {
    return one->config.priority < other->config.priority;
  });
  members_ = std::move(fresh);
}

bool UpstreamPool::empty() const {
  const std::lock_guard lock(mutex_);
  return members_.empty();
}

std::vector<std::string> UpstreamPool::models() const {
  std::vector<std::string> names;
  const auto add = [&names](const std::string& name) {
    if (!contains(names, name)) names.push_back(name);
  };
  const std::lock_guard lock(mutex_);
  for (const auto& member : members_) {
    for (const std::string& model : member->config.models) add(model);
    for (const auto& [alias, model] : member->config.aliases) add(alias);
  }
  return names;
}

std::vector<std::shared_ptr<UpstreamPool::Member>> UpstreamPool::serving(const std::string& model,
                                                                         const Endpoint& endpoint) const {
  std::vector<std::shared_ptr<Member>> found;
  for (const auto& member : members_) {
    if (member->takes(endpoint) && !member->name_of(model).empty()) found.push_back(member);
  }
  return found;
}

std::string UpstreamPool::counted_name(const std::string& model, const Endpoint& endpoint) const {
  const std::lock_guard lock(mutex_);
  if (members_.empty()) {
    Error error(ErrorKind::unavailable, "no language model is connected to this server yet");
    error.retry_after_s = 60;
    throw error;
  }
  const auto able = serving(model, endpoint);
  if (able.empty()) {
    const bool known = std::any_of(members_.begin(), members_.end(),
                                   [&](const auto& member) { return !member->name_of(model).empty(); });
    throw Error(ErrorKind::model_not_found, known
                                                ? "no language model here takes calls of /v1" + endpoint.path
                                                : "there is no model '" + model.substr(0, 100) +
                                                      "' here; GET /v1/models lists them, or use 'auto'");
  }
  return model == "auto" ? able.front()->config.models.front() : model;
}

std::optional<UpstreamPool::Lease> UpstreamPool::choose(const std::string& model, const Endpoint& endpoint,
                                                        const std::vector<std::string>& tried) {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Member>> able = serving(model, endpoint);
  std::erase_if(able, [&](const auto& member) { return contains(tried, member->config.name); });
  if (able.empty()) return std::nullopt;
  // The first resort is who is healthy. When none of all is, and none was tried yet, any is better than a no.
  const bool any_healthy =
      std::any_of(able.begin(), able.end(), [](const auto& member) { return member->healthy(); });
  if (any_healthy) std::erase_if(able, [](const auto& member) { return !member->healthy(); });
  if (!any_healthy && !tried.empty()) return std::nullopt;
  std::erase_if(able, [](const auto& member) { return member->at_cap(); });
  if (able.empty()) {
    if (!tried.empty()) return std::nullopt;
    Error error(ErrorKind::unavailable, "the language model has as much to do as it takes; try again soon");
    error.retry_after_s = 1;
    throw error;
  }
  const int priority = able.front()->config.priority;
  std::erase_if(able, [&](const auto& member) { return member->config.priority != priority; });
  int sum = 0;
  for (const auto& member : able) {
    member->turn += member->config.weight;
    sum += member->config.weight;
  }
  const auto chosen = *std::max_element(
      able.begin(), able.end(), [](const auto& one, const auto& other) { return one->turn < other->turn; });
  chosen->turn -= sum;
  ++chosen->in_flight;
  ++chosen->calls;
  return Lease(shared_from_this(), chosen, chosen->name_of(model));
}

std::vector<UpstreamStatus> UpstreamPool::status() const {
  std::vector<UpstreamStatus> list;
  const std::lock_guard lock(mutex_);
  for (const auto& member : members_) {
    UpstreamStatus status{member->config,       member->health.state(), member->health.cooling_until(),
                          member->in_flight,    member->calls,          member->failures,
                          member->last_failure, member->last_failure_at};
    status.config.key.clear();
    list.push_back(std::move(status));
  }
  return list;
}

void UpstreamPool::note_failure(const std::shared_ptr<Member>& member, const std::string& why,
                                std::optional<std::chrono::seconds> retry_after) {
  const Time now = clock_.now();
  std::optional<Time> probe_at;
  bool was_healthy = false;
  {
    const std::lock_guard lock(mutex_);
    was_healthy = member->healthy();
    member->health.failed(now, retry_after);
    ++member->failures;
    member->last_failure = why;
    member->last_failure_at = now;
    if (!std::exchange(member->probe_due, true)) probe_at = member->health.cooling_until();
  }
  if (was_healthy) log_("upstream " + member->config.name + " failed (" + why + "); it cools down");
  if (probe_at) schedule_probe(member, *probe_at);
}

void UpstreamPool::schedule_probe(const std::shared_ptr<Member>& member, Time at) {
  const auto delay = std::max(std::chrono::milliseconds{1}, at - clock_.now());
  prober_.loop.post([weak = weak_from_this(), member, delay, &loop = prober_.loop] {
    loop.call_after(delay, [weak, member] {
      if (const auto pool = weak.lock()) pool->probe(member);
    });
  });
}

void UpstreamPool::probe(const std::shared_ptr<Member>& member) {
  std::optional<Time> later;
  {
    const std::lock_guard lock(mutex_);
    const bool gone = std::find(members_.begin(), members_.end(), member) == members_.end();
    if (gone || member->healthy()) {
      member->probe_due = false;
      return;
    }
    // Further failures have lengthened the pause.
    if (*member->health.cooling_until() > clock_.now()) later = member->health.cooling_until();
  }
  if (later) return schedule_probe(member, *later);
  auto probe = std::make_unique<Probe>(*this, member);
  if (!probe->start(prober_)) return probed(member, true, {});
  probes_[member.get()] = std::move(probe);
}

void UpstreamPool::probed(const std::shared_ptr<Member>& member, bool well, const std::string& why) {
  if (!well) {
    std::optional<Time> next;
    {
      const std::lock_guard lock(mutex_);
      member->health.failed(clock_.now(), {});
      member->last_failure = "probe: " + why;
      member->last_failure_at = clock_.now();
      next = member->health.cooling_until();
    }
    return schedule_probe(member, *next);
  }
  {
    const std::lock_guard lock(mutex_);
    member->health.probed_well();
    member->probe_due = false;
  }
  log_("upstream " + member->config.name + " answers again");
}

UpstreamPool::Lease::Lease(std::shared_ptr<UpstreamPool> pool, std::shared_ptr<Member> member,
                           std::string model)
    : pool_(std::move(pool)), member_(std::move(member)), model_(std::move(model)) {}

UpstreamPool::Lease& UpstreamPool::Lease::operator=(Lease&& other) noexcept {
  release();
  pool_ = std::move(other.pool_);
  member_ = std::move(other.member_);
  model_ = std::move(other.model_);
  return *this;
}

UpstreamPool::Lease::~Lease() { release(); }

void UpstreamPool::Lease::release() {
  if (!member_) return;
  const std::lock_guard lock(pool_->mutex_);
  --member_->in_flight;
  member_.reset();
}

Upstream& UpstreamPool::Lease::upstream() const { return *member_->upstream; }
const std::string& UpstreamPool::Lease::name() const { return member_->config.name; }
const std::string& UpstreamPool::Lease::key() const { return member_->config.key; }

void UpstreamPool::Lease::succeeded() {
  const std::lock_guard lock(pool_->mutex_);
  member_->health.succeeded();
}

void UpstreamPool::Lease::failed(const std::string& why, std::optional<std::chrono::seconds> retry_after) {
  pool_->note_failure(member_, why, retry_after);
}

}  // namespace opencat
