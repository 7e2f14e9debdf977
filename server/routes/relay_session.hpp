// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/http/exchange.hpp"
#include "server/routes/relay_body.hpp"
#include "server/routes/services.hpp"
#include "server/upstream/model_call.hpp"
#include "server/upstream/upstream_pool.hpp"

namespace opencat::routes {

/// One request from its admission to its last byte: counted, tried on one upstream after the
/// other until one answers, relayed, settled. It keeps itself alive until then, and belongs to its exchange's
/// loop.
class RelaySession : public ModelCallListener, public std::enable_shared_from_this<RelaySession> {
 public:
  /// `endpoint` and `services` must outlive it; `keeper` is what the body's own parts belong to, kept as long
  /// as the session.
  RelaySession(Services& services, const Endpoint& endpoint, std::shared_ptr<http::Exchange> exchange,
               std::unique_ptr<RelayBody> body, std::shared_ptr<void> keeper = {});

  /// Throws Error when the request cannot even be counted.
  void start();

 private:
  void on_admission(const Admission& admission, std::exception_ptr problem);
  void ask(UpstreamPool::Lease lease);
  bool ask_another(const std::string& why, std::optional<std::chrono::seconds> retry_after);

  void whole(WholeAnswer answer) override;
  void stream_begins(const std::string& content_type) override;
  void stream_bytes(std::string_view events) override;
  void stream_ended() override;
  void stream_cut() override;
  void upstream_ended() override;
  void failed(const Error& error) override;

  void begin_events();
  void wait_for_silence();
  void on_silence();
  void respond(WholeAnswer answer);
  void refuse(const Error& error);
  void client_left();
  void give_back();
  void let_go();
  template <class Answer>
  void finish(const Answer& answer);
  template <class Answer>
  void settle(const Answer& answer);

  Services& services_;
  const Endpoint& endpoint_;
  std::shared_ptr<http::Exchange> exchange_;
  std::shared_ptr<void> keeper_;
  std::unique_ptr<RelayBody> body_;  ///< reads the exchange's request, which lives as long
  std::string model_;                ///< as it is asked of the upstreams
  std::string counted_as_;
  QuotaPeriod period_;
  Admission admission_;
  std::vector<std::string> tried_;
  std::optional<UpstreamPool::Lease> lease_;
  std::unique_ptr<ModelCall> call_;
  std::optional<EventLoop::Timer> cut_;
  std::optional<EventLoop::Timer> silence_;
  std::chrono::steady_clock::time_point last_write_;
  bool counted_ = false;
  bool begun_ = false;     ///< the client has the head of a stream
  bool answered_ = false;  ///< an upstream began to answer, for better or worse
  bool left_ = false;
  bool settled_ = false;
  std::shared_ptr<RelaySession> self_;
};

}  // namespace opencat::routes
