// SPDX-License-Identifier: MIT
#include "server/routes/relay_session.hpp"

#include <charconv>

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "server/routes/admission.hpp"
#include "server/upstream/key_mask.hpp"

namespace opencat::routes {

using SteadyClock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::milliseconds grace_after_done{1000};

/// What an upstream's Retry-After asks for, when it is seconds; a date is left to the client.
std::optional<std::chrono::seconds> seconds_of(const std::string& header) {
  int seconds = 0;
  const char* end = header.data() + header.size();
  const auto [rest, problem] = std::from_chars(header.data(), end, seconds);
  if (problem != std::errc{} || rest != end || seconds < 0) return std::nullopt;
  return std::chrono::seconds{seconds};
}

/// Whether another upstream may do better: it was busy, broken, or did not take this server's key.
bool is_worth_another_try(int status) {
  return status == 401 || status == 408 || status == 429 || status >= 500;
}

}  // namespace

RelaySession::RelaySession(Services& services, const Endpoint& endpoint,
                           std::shared_ptr<http::Exchange> exchange, std::unique_ptr<RelayBody> body,
                           std::shared_ptr<void> keeper)
    : services_(services),
      endpoint_(endpoint),
      exchange_(std::move(exchange)),
      keeper_(std::move(keeper)),
      body_(std::move(body)) {}

void RelaySession::start() {
  model_ = body_->model();
  counted_as_ = services_.upstreams->counted_name(model_, endpoint_);
  period_ = services_.period();
  AdmissionRequest request{token_hash(exchange_->request().token), counted_as_, period_,
                           services_.clock.now()};
  request.automatic = model_ == "auto";
  services_.store.admit(
      std::move(request), [self = shared_from_this()](Admission admission, std::exception_ptr problem) {
        // On a thread of the store's; all that follows belongs to the loop.
        http::Exchange& exchange = *self->exchange_;
        exchange.loop().post(
            [self, admission = std::move(admission), problem] { self->on_admission(admission, problem); });
      });
  exchange_->on_gone = [self = shared_from_this()] { self->client_left(); };
}

void RelaySession::on_admission(const Admission& admission, std::exception_ptr problem) {
  admission_ = admission;
  try {
    if (problem) std::rethrow_exception(problem);
    exchange_->notes.token_id = admission.token_id;
    throw_unless_admitted(admission, period_);
    counted_ = true;
    // For 'auto' the token's plan may have chosen another model, which must be one that is here.
    if (std::exchange(counted_as_, admission.model) != admission.model)
      model_ = services_.upstreams->counted_name(admission.model, endpoint_);
    exchange_->notes.model = counted_as_;
    // The upstream has not heard of it, so it was no request.
    if (left_) return give_back();
    self_ = shared_from_this();
    if (body_->stream()) wait_for_silence();
    auto lease = services_.upstreams->choose(model_, endpoint_, tried_);
    if (!lease) throw Error(ErrorKind::unavailable, "the language models have just changed; try again");
    ask(std::move(*lease));
  } catch (const Error& error) {
    give_back();
    if (!error.detail().empty()) services_.warn(error.message() + ": " + error.detail());
    refuse(error);
  }
}

void RelaySession::ask(UpstreamPool::Lease lease) {
  lease_ = std::move(lease);
  tried_.push_back(lease_->name());
  call_ = std::make_unique<ModelCall>(*this, endpoint_, body_->strips_usage());
  UpstreamLoop& loop = services_.loops.at(exchange_->loop_index());
  call_->start(lease_->upstream(), loop, body_->for_upstream(lease_->model()));
}

/// Whether another upstream is asked instead of the one that failed. What it answers comes to this session
/// like the first one's.
bool RelaySession::ask_another(const std::string& why, std::optional<std::chrono::seconds> retry_after) {
  lease_->failed(why, retry_after);
  if (!body_->can_repeat()) return false;
  auto next = services_.upstreams->choose(model_, endpoint_, tried_);
  if (!next) return false;
  // On the loop's next turn: this is called from within the call that ends here.
  exchange_->loop().post(
      [self = shared_from_this(), lease = std::make_shared<UpstreamPool::Lease>(std::move(*next))] {
        if (!self->left_) self->ask(std::move(*lease));
      });
  return true;
}

void RelaySession::whole(WholeAnswer answer) {
  if (is_worth_another_try(answer.status)) {
    if (answer.status == 401)
      services_.warn("upstream " + lease_->name() + " does not take this server's key");
    if (ask_another("status " + std::to_string(answer.status), seconds_of(answer.retry_after))) return;
  } else {
    lease_->succeeded();
  }
  if (answer.status >= 400) answer.body = without_key(std::move(answer.body), lease_->key());
  answered_ = answer.status < 400;
  // A key that is not taken is the operator's matter, and no work was done.
  if (answer.status == 401) give_back();
  if (answer.status >= 500) {
    give_back();
    if (!nlohmann::json::accept(answer.body)) {
      return refuse(Error(ErrorKind::network,
                          "the language model failed with status " + std::to_string(answer.status)));
    }
  }
  respond(std::move(answer));
}

void RelaySession::respond(WholeAnswer answer) {
  if (begun_) {
    // The head of a stream is out already, for the upstream was silent for long: only an event can tell now.
    if (answer.status < 400) {
      return refuse(Error(ErrorKind::network, "the language model did not stream its answer; try again"));
    }
    return refuse(Error(answer.status == 429 ? ErrorKind::rate_limited : ErrorKind::network,
                        "the language model refused with status " + std::to_string(answer.status)));
  }
  http::Response response{answer.status};
  response.headers = {
      {"Content-Type", answer.content_type.empty() ? "application/json" : answer.content_type},
      {"Cache-Control", "no-store"}};
  if (!answer.retry_after.empty()) {
    response.headers.emplace_back("Retry-After", answer.retry_after);
  } else if (answer.status == 429 || answer.status == 503) {
    response.headers.emplace_back("Retry-After", "1");
  }
  add_quota_headers(response.headers, admission_, period_);
  response.body = std::move(answer.body);
  finish([&] { exchange_->respond(std::move(response)); });
}

void RelaySession::begin_events() {
  if (std::exchange(begun_, true)) return;
  http::Response head{200};
  // nginx holds back what it proxies unless told not to, and caches must not keep an answer.
  head.headers = {{"Content-Type", "text/event-stream; charset=utf-8"},
                  {"Cache-Control", "no-cache"},
                  {"X-Accel-Buffering", "no"}};
  add_quota_headers(head.headers, admission_, period_);
  exchange_->begin(std::move(head));
}

void RelaySession::stream_begins(const std::string& content_type) {
  answered_ = true;
  lease_->succeeded();
  if (!endpoint_.answers_bytes) return begin_events();
  begun_ = true;
  http::Response head{200};
  head.headers = {{"Content-Type", content_type.empty() ? "application/octet-stream" : content_type},
                  {"Cache-Control", "no-store"},
                  {"X-Content-Type-Options", "nosniff"},
                  {"X-Accel-Buffering", "no"}};
  add_quota_headers(head.headers, admission_, period_);
  exchange_->begin(std::move(head));
}

void RelaySession::stream_bytes(std::string_view events) {
  last_write_ = exchange_->loop().now();
  exchange_->write(events);
  // A client that reads slowly stops the upstream's flow instead of filling this server's memory.
  if (!call_ || exchange_->unsent() <= http::Exchange::high_water) return;
  call_->pause();
  exchange_->on_drained = [this] {
    if (call_) call_->resume();
  };
}

void RelaySession::wait_for_silence() {
  last_write_ = SteadyClock::now();
  silence_ = exchange_->loop().call_after(services_.ping_interval, [this] { on_silence(); });
}

/// A proxy on the way would cut a connection on which nothing passes for a minute, so a comment does. For
/// that the stream must begin, even before the upstream answers: a failure is then told by an event.
void RelaySession::on_silence() {
  const auto silent = SteadyClock::now() - last_write_;
  const auto interval = std::chrono::milliseconds(services_.ping_interval);
  if (silent < interval) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(interval - silent);
    silence_ = exchange_->loop().call_after(left, [this] { on_silence(); });
    return;
  }
  silence_ = exchange_->loop().call_after(interval, [this] { on_silence(); });
  last_write_ = SteadyClock::now();
  begin_events();
  // What waits for a client that reads slowly is enough to be silent for.
  if (exchange_->unsent() == 0) exchange_->write(": ping\n\n");
}

void RelaySession::stream_ended() {
  settle([&] { exchange_->end(); });
  // The upstream's end follows at once, and then its connection can serve the next call; else it is cut.
  cut_ = exchange_->loop().call_after(grace_after_done, [self = shared_from_this()] {
    self->cut_.reset();
    self->let_go();
  });
}

void RelaySession::stream_cut() {
  services_.warn("upstream " + lease_->name() + " broke an answer off");
  settle([&] { exchange_->cut_off(); });
}

void RelaySession::upstream_ended() {
  if (cut_) exchange_->loop().cancel(*std::exchange(cut_, std::nullopt));
  let_go();
}

void RelaySession::failed(const Error& error) {
  const std::string why = error.message() + (error.detail().empty() ? "" : " (" + error.detail() + ")");
  // Who was silent for the whole time may still be at work on it: another try could cost twice, and twice the
  // wait.
  const bool timed_out = error.kind() == ErrorKind::timeout;
  if (timed_out) {
    lease_->failed(why);
  } else if (ask_another(why, {})) {
    return;
  }
  give_back();
  refuse(Error(timed_out ? ErrorKind::timeout : ErrorKind::network,
               timed_out ? "the language model did not answer in time; try again"
                         : "the language model cannot be reached just now; try again"));
}

/// Tells the client of an error, in whatever form its answer has by now.
void RelaySession::refuse(const Error& error) {
  if (begun_) {
    return finish([&] {
      exchange_->write(failure_event(endpoint_.dialect, error));
      exchange_->end();
    });
  }
  http::Response response = http::error_response(error);
  if (!admission_.token_id.empty()) add_quota_headers(response.headers, admission_, period_);
  finish([&] { exchange_->respond(std::move(response)); });
}

void RelaySession::client_left() {
  left_ = true;
  if (call_) finish([] {});
}

void RelaySession::give_back() {
  if (std::exchange(counted_, false)) {
    services_.store.give_back({admission_.token_id, period_.day, counted_as_});
    // The answer's headers tell what is left without it, even if they are there before the disk has it.
    --admission_.use.daily;
    --admission_.use.monthly;
  }
}

template <class Answer>
void RelaySession::finish(const Answer& answer) {
  settle(answer);
  let_go();
}

/// Gives the last answer and settles what was used. The client may leave while that is written, and then this
/// is called again from within.
template <class Answer>
void RelaySession::settle(const Answer& answer) {
  if (std::exchange(settled_, true)) return;
  exchange_->on_gone = nullptr;
  answer();
  // A client that left before an answer began is charged for what it asked: the upstream was at work on it.
  if (!call_ || !counted_ || !(answered_ || left_)) return;
  const Usage usage = call_->usage(body_->text());
  services_.store.settle({admission_.token_id, period_.day, counted_as_},
                         {usage.prompt_tokens, usage.completion_tokens, usage.estimated});
  if (services_.metrics != nullptr) {
    services_.metrics->count_tokens(endpoint_.path, counted_as_, usage.prompt_tokens, usage.completion_tokens,
                                    usage.estimated);
  }
}

/// On the loop's next turn: this may be called from within the call that ends here.
void RelaySession::let_go() {
  if (silence_) exchange_->loop().cancel(*std::exchange(silence_, std::nullopt));
  exchange_->loop().post([self = shared_from_this()] {
    self->call_.reset();
    self->lease_.reset();
    self->self_.reset();
  });
}

}  // namespace opencat::routes
