// SPDX-License-Identifier: MIT
#include "server/routes/probes.hpp"

#include <chrono>
#include <mutex>

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "opencat/version.hpp"

namespace opencat::routes {

using Json = nlohmann::json;
using Reasons = std::vector<std::string>;

namespace {

constexpr std::chrono::milliseconds patience{2000};
constexpr std::size_t max_waiting = 100;
/// So long an answer of the store's holds: the address is open to anyone, and each answer is a write.
constexpr std::chrono::milliseconds holds{500};

Reasons reasons_of(const std::exception_ptr& problem) {
  if (!problem) return {};
  try {
    std::rethrow_exception(problem);
  } catch (const Error& error) {
    // The message of a disk's failure names the file; that is for the log.
    return {error.kind() == ErrorKind::unavailable ? "the database is busy"
                                                   : "the database cannot be written"};
  } catch (const std::exception&) {
    return {"the database cannot be written"};
  }
}

void answer(http::Exchange& exchange, const Reasons& reasons) {
  http::Response response =
      http::json_response(reasons.empty() ? 200 : 503,
                          {{"status", reasons.empty() ? "ready" : "not_ready"}, {"reasons", reasons}});
  if (!reasons.empty()) response.headers.emplace_back("Retry-After", "5");
  exchange.respond(std::move(response));
}

/// Answers when the store has, or when it has not for too long. Belongs to its exchange's loop.
void tell_readiness(Readiness& readiness, const std::shared_ptr<http::Exchange>& exchange) {
  // Shared by the two that may come first; the exchange is let go of by whichever does.
  const auto waiting = std::make_shared<std::shared_ptr<http::Exchange>>(exchange);
  EventLoop& loop = exchange->loop();
  const auto timer = loop.call_after(patience, [waiting] {
    if (const auto still = std::exchange(*waiting, nullptr)) answer(*still, {"the database does not answer"});
  });
  readiness.check([waiting, timer, &loop](Reasons reasons) {
    loop.post([waiting, timer, &loop, reasons = std::move(reasons)] {
      loop.cancel(timer);
      if (const auto still = std::exchange(*waiting, nullptr)) answer(*still, reasons);
    });
  });
}

}  // namespace

/// The one question under way and who waits for its answer.
struct Readiness::Shared {
  std::mutex mutex;
  std::vector<std::function<void(Reasons)>> waiting;
  Reasons last;
  std::chrono::steady_clock::time_point last_at{};

  void tell(const Reasons& reasons) {
    std::vector<std::function<void(Reasons)>> all;
    {
      const std::lock_guard lock(mutex);
      last = reasons;
      last_at = std::chrono::steady_clock::now();
      all.swap(waiting);
    }
    for (const auto& one : all) one(reasons);
  }
};

Readiness::Readiness(Probe probe) : probe_(std::move(probe)), shared_(std::make_shared<Shared>()) {}

Readiness::~Readiness() = default;

void Readiness::check(std::function<void(Reasons)> tell) {
  if (draining_) return tell({"the server is stopping"});
  {
    std::unique_lock lock(shared_->mutex);
    if (std::chrono::steady_clock::now() - shared_->last_at < holds) {
      Reasons last = shared_->last;
      lock.unlock();
      return tell(std::move(last));
    }
    if (shared_->waiting.size() >= max_waiting) {
      lock.unlock();
      return tell({"the database does not answer"});
    }
    shared_->waiting.push_back(std::move(tell));
    if (shared_->waiting.size() > 1) return;
  }
  try {
    probe_([shared = shared_](std::exception_ptr problem) { shared->tell(reasons_of(problem)); });
  } catch (const Error&) {
    shared_->tell(reasons_of(std::current_exception()));
  }
}

void add_probe_routes(http::Routes& routes, Readiness& readiness, const metrics::Registry& registry) {
  routes.push_back({"GET", "/healthz|/health", http::Access::anyone,
                    http::LoopHandler([](const std::shared_ptr<http::Exchange>& exchange) {
                      exchange->respond(http::json_response(
                          200, {{"status", "ok"}, {"protocol_version", protocol_version}}));
                    })});
  routes.push_back({"GET", "/readyz", http::Access::anyone,
                    http::LoopHandler([&readiness](const std::shared_ptr<http::Exchange>& exchange) {
                      tell_readiness(readiness, exchange);
                    })});
  routes.push_back(
      {"GET", "/metrics", http::Access::anyone, http::BlockingHandler([&registry](const http::Request&) {
         return http::Response{200,
                               {{"Content-Type", metrics::content_type}, {"Cache-Control", "no-store"}},
                               registry.render()};
       })});
}

}  // namespace opencat::routes
