// SPDX-License-Identifier: MIT
#include "server/routes/chat.hpp"

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "opencat/text.hpp"
#include "server/upstream/chat_call.hpp"

namespace opencat::routes {

using Json = nlohmann::json;

namespace {

constexpr std::chrono::milliseconds grace_after_done{1000};

Error with_wait(ErrorKind kind, const std::string& message, std::chrono::seconds wait) {
  Error error(kind, message);
  error.retry_after_s = static_cast<int>(wait.count());
  return error;
}

/// Throws what a request that was not admitted is answered with.
void throw_unless_admitted(const Admission& admission, const QuotaPeriod& period) {
  switch (admission.verdict) {
    case Admission::Verdict::admitted:
      return;
    case Admission::Verdict::unknown_token:
      throw Error(ErrorKind::unauthorized, "this token is not known here; install again or ask the operator");
    case Admission::Verdict::disabled:
      throw Error(ErrorKind::token_disabled, "the operator has disabled this token");
    case Admission::Verdict::rate_limited:
      throw with_wait(ErrorKind::rate_limited, "too many requests in the last minute; wait a little",
                      admission.retry_after);
    case Admission::Verdict::daily_used_up:
      throw with_wait(ErrorKind::quota_exceeded, "today's quota is used up; it is renewed tomorrow",
                      period.day_left);
    case Admission::Verdict::monthly_used_up:
      throw with_wait(ErrorKind::quota_exceeded, "this month's quota is used up; it is renewed next month",
                      period.month_left);
  }
}

/// What is left of the limit that binds first, in OpenAI's headers.
void add_quota_headers(http::Headers& headers, const Admission& admission, const QuotaPeriod& period) {
  const std::int64_t daily = std::max<std::int64_t>(0, admission.limits.daily - admission.use.daily);
  const std::int64_t monthly = std::max<std::int64_t>(0, admission.limits.monthly - admission.use.monthly);
  const bool by_day = daily <= monthly;
  headers.emplace_back("x-ratelimit-limit-requests",
                       std::to_string(by_day ? admission.limits.daily : admission.limits.monthly));
  headers.emplace_back("x-ratelimit-remaining-requests", std::to_string(std::min(daily, monthly)));
  headers.emplace_back("x-ratelimit-reset-requests",
                       std::to_string((by_day ? period.day_left : period.month_left).count()) + "s");
}

/// The name by which the upstream knows the model. Throws Error(model_not_found).
std::string upstream_model(const Upstream& upstream, const std::string& model) {
  if (model == "auto") return upstream.models().front();
  if (contains(upstream.models(), model)) return model;
  throw Error(ErrorKind::model_not_found, "there is no model '" + model.substr(0, 100) +
                                              "' here; GET /v1/models lists them, or use 'auto'");
}

/// One chat request from its admission to its last byte. It keeps itself alive until then, and belongs to its
/// exchange's loop.
class ChatSession : public ChatCallListener, public std::enable_shared_from_this<ChatSession> {
 public:
  ChatSession(Services& services, std::shared_ptr<http::Exchange> exchange)
      : services_(services), exchange_(std::move(exchange)), request_(exchange_->request().body) {}

  void start() {
    if (services_.upstream == nullptr) {
      throw with_wait(ErrorKind::unavailable, "no language model is connected to this server yet",
                      std::chrono::seconds(60));
    }
    model_ = upstream_model(*services_.upstream, request_.model());
    period_ = services_.period();
    services_.store.admit({token_hash(exchange_->request().token), model_, period_, services_.clock.now()},
                          [self = shared_from_this()](Admission admission, std::exception_ptr problem) {
                            // On a thread of the store's; all that follows belongs to the loop.
                            http::Exchange& exchange = *self->exchange_;
                            exchange.loop().post([self, admission = std::move(admission), problem] {
                              self->on_admission(admission, problem);
                            });
                          });
    exchange_->on_gone = [self = shared_from_this()] { self->client_left(); };
  }

 private:
  void on_admission(const Admission& admission, std::exception_ptr problem) {
    try {
      if (problem) std::rethrow_exception(problem);
      throw_unless_admitted(admission, period_);
    } catch (const Error& error) {
      if (!error.detail().empty()) services_.warn(error.message() + ": " + error.detail());
      http::Response response = http::error_response(error);
      if (!admission.token_id.empty()) add_quota_headers(response.headers, admission, period_);
      return finish([&] { exchange_->respond(std::move(response)); });
    }
    admission_ = admission;
    counted_ = true;
    // The upstream has not heard of it, so it was no request.
    if (left_) return give_back();
    call_ = std::make_unique<ChatCall>(*this, !request_.wants_usage());
    self_ = shared_from_this();
    UpstreamLoop& loop = services_.loops.at(exchange_->loop_index());
    call_->start(*services_.upstream, loop,
                 {"/chat/completions", request_.body_for(model_), request_.stream()});
  }

  void whole(int status, const std::string& content_type, const std::string& retry_after,
             std::string body) override {
    // The server's key is the operator's matter: to a client these would say that its own token is wrong.
    if (status == 401 || status == 403) {
      services_.warn("the upstream refused the server's key with status " + std::to_string(status));
      return failed(
          Error(ErrorKind::network, "the language model refused this server; the operator must look at it"));
    }
    if (status >= 500) give_back();
    if (status >= 500 && !Json::accept(body)) {
      return failed(
          Error(ErrorKind::network, "the language model failed with status " + std::to_string(status)));
    }
    http::Response response{status};
    response.headers = {{"Content-Type", content_type.empty() ? "application/json" : content_type},
                        {"Cache-Control", "no-store"}};
    if (!retry_after.empty()) {
      response.headers.emplace_back("Retry-After", retry_after);
    } else if (status == 429 || status == 503) {
      response.headers.emplace_back("Retry-After", "1");
    }
    add_quota_headers(response.headers, admission_, period_);
    response.body = std::move(body);
    finish([&] { exchange_->respond(std::move(response)); });
  }

  void stream_begins() override {
    http::Response head{200};
    // nginx holds back what it proxies unless told not to, and caches must not keep an answer.
    head.headers = {{"Content-Type", "text/event-stream; charset=utf-8"},
                    {"Cache-Control", "no-cache"},
                    {"X-Accel-Buffering", "no"}};
    add_quota_headers(head.headers, admission_, period_);
    exchange_->begin(std::move(head));
    exchange_->on_drained = [this] {
      if (call_) call_->resume();
    };
  }

  void stream_bytes(std::string_view events) override {
    exchange_->write(events);
    // A client that reads slowly stops the upstream's flow instead of filling this server's memory.
    if (call_ && exchange_->unsent() > http::Exchange::high_water) call_->pause();
  }

  void stream_ended() override {
    settle([&] { exchange_->end(); });
    // The upstream's end follows at once, and then its connection can serve the next call; else it is cut.
    cut_ = exchange_->loop().call_after(grace_after_done, [self = shared_from_this()] {
      self->cut_.reset();
      self->let_go();
    });
  }

  void upstream_ended() override {
    if (cut_) exchange_->loop().cancel(*std::exchange(cut_, std::nullopt));
    let_go();
  }

  void failed(const Error& error) override {
    give_back();
    services_.warn("upstream: " + error.message() +
                   (error.detail().empty() ? "" : " (" + error.detail() + ")"));
    const ErrorKind kind = error.kind() == ErrorKind::timeout ? ErrorKind::timeout : ErrorKind::network;
    const char* message = kind == ErrorKind::timeout
                              ? "the language model did not answer in time; try again"
                              : "the language model cannot be reached just now; try again";
    finish([&] { exchange_->respond(http::error_response(Error(kind, message))); });
  }

  void client_left() {
    left_ = true;
    if (call_) finish([] {});
  }

  void give_back() {
    if (std::exchange(counted_, false)) services_.store.give_back({admission_.token_id, period_.day, model_});
  }

  template <class Answer>
  void finish(const Answer& answer) {
    settle(answer);
    let_go();
  }

  /// Gives the last answer and settles what was used. The client may leave while that is written, and then
  /// this is called again from within.
  template <class Answer>
  void settle(const Answer& answer) {
    if (std::exchange(settled_, true)) return;
    exchange_->on_gone = nullptr;
    answer();
    if (call_ && counted_ && call_->usage()) {
      const UsageReport& report = *call_->usage();
      services_.store.settle({admission_.token_id, period_.day, model_},
                             {report.prompt_tokens, report.completion_tokens});
    }
  }

  /// On the loop's next turn: this may be called from within the call that ends here.
  void let_go() {
    exchange_->loop().post([self = shared_from_this()] {
      self->call_.reset();
      self->self_.reset();
    });
  }

  Services& services_;
  std::shared_ptr<http::Exchange> exchange_;
  ChatRequest request_;  ///< reads the exchange's body, which lives as long
  std::string model_;
  QuotaPeriod period_;
  Admission admission_;
  bool counted_ = false;
  bool left_ = false;
  bool settled_ = false;
  std::optional<EventLoop::Timer> cut_;
  std::unique_ptr<ChatCall> call_;
  std::shared_ptr<ChatSession> self_;
};

http::Response list_models(Services& services, const http::Request& request) {
  if (!services.store.find_by_hash(token_hash(request.token), services.period())) {
    throw Error(ErrorKind::unauthorized, "this token is not known here");
  }
  Json list = Json::array({{{"id", "auto"}, {"object", "model"}, {"owned_by", "proxy"}}});
  if (services.upstream != nullptr) {
    for (const std::string& model : services.upstream->models()) {
      list.push_back({{"id", model}, {"object", "model"}, {"owned_by", "proxy"}});
    }
  }
  return http::json_response(200, {{"object", "list"}, {"data", list}});
}

}  // namespace

void add_chat_routes(http::Routes& routes, Services& services) {
  routes.push_back({"POST", "/v1/chat/completions", http::Access::token,
                    http::LoopHandler([&services](const std::shared_ptr<http::Exchange>& exchange) {
                      std::make_shared<ChatSession>(services, exchange)->start();
                    })});
  routes.push_back({"GET", "/v1/models", http::Access::token,
                    http::BlockingHandler([&services](const http::Request& request) {
                      return list_models(services, request);
                    })});
}

}  // namespace opencat::routes
