// SPDX-License-Identifier: MIT
#include "opencat/http_transfers.hpp"

#include <array>
#include <list>
#include <unordered_map>
#include <utility>
#include <vector>

#include "opencat/http_links.hpp"
#include "opencat/http_pool.hpp"
#include "opencat/http_request_writer.hpp"
#include "opencat/http_response_reader.hpp"
#include "opencat/http_target.hpp"

namespace opencat {

namespace chrono = std::chrono;
using SteadyTime = chrono::steady_clock::time_point;
using Outcome = HttpLink::Received::Outcome;

namespace {

constexpr chrono::milliseconds sweep_interval{1000};
constexpr std::size_t read_bytes = 16 << 10;
constexpr std::size_t max_known_urls = 64;

}  // namespace

/// One request on its way. It is over when it has no listener any more.
struct HttpTransfers::Exchange : Watcher, std::enable_shared_from_this<Exchange> {
  explicit Exchange(State& owner) : state(owner) {}
  void on_ready(unsigned readiness) override;

  State& state;
  HttpRequest request;  ///< needed until its answer begins
  std::shared_ptr<const HttpTarget> target;
  TransferLimits limits;
  TransferListener* listener = nullptr;
  std::list<std::shared_ptr<Exchange>>::iterator place;
  std::unique_ptr<HttpConnector::Attempt> attempt;  ///< while it has no connection
  std::unique_ptr<HttpConnection> connection;
  std::optional<HttpRequestWriter> writer;
  HttpResponseReader reader;
  SteadyTime last_activity;
  bool head_told = false;
  bool paused = false;
};

struct HttpTransfers::State {
  State(EventLoop& event_loop, Options given)
      : loop(event_loop),
        options(std::move(given)),
        connector(loop, {options.user_agent, options.ca_file, options.may_use_proxy}),
        pool(loop, static_cast<std::size_t>(options.max_idle_connections)) {}
  ~State();

  EventLoop& loop;
  Options options;
  HttpConnector connector;
  HttpPool pool;
  std::list<std::shared_ptr<Exchange>> exchanges;
  std::unordered_map<std::string, std::shared_ptr<const HttpTarget>> targets;
  std::optional<EventLoop::Timer> sweeper;
  std::array<char, read_bytes> buffer;

  std::shared_ptr<const HttpTarget> target_of(const std::string& url);
  void start(Exchange& exchange);
  void connect(Exchange& exchange);
  void attach(Exchange& exchange, std::unique_ptr<HttpConnection> connection);
  void write(Exchange& exchange);
  static void watch(Exchange& exchange);
  void read(Exchange& exchange);
  bool take(Exchange& exchange, const HttpLink::Received& received);
  static void tell_head(Exchange& exchange);
  void end(Exchange& exchange, std::optional<Error> failure);
  void break_off(Exchange& exchange, const std::string& why);
  bool begin_again(Exchange& exchange);
  void let_go(Exchange& exchange, bool may_stay);
  void resume(const std::shared_ptr<Exchange>& exchange);
  void sweep();
  void sweep_later();
};

HttpTransfers::State::~State() {
  for (const auto& exchange : exchanges) {
    exchange->listener = nullptr;
    exchange->attempt.reset();
    exchange->writer.reset();
    exchange->connection.reset();
  }
  if (sweeper) loop.cancel(*sweeper);
}

/// Few addresses are asked, again and again: each is parsed once.
std::shared_ptr<const HttpTarget> HttpTransfers::State::target_of(const std::string& url) {
  if (targets.size() >= max_known_urls) targets.clear();
  const auto [place, is_new] = targets.try_emplace(url);
  if (is_new) place->second = parse_target(url);
  return place->second;
}

void HttpTransfers::State::start(Exchange& exchange) {
  exchange.target = target_of(exchange.request.url);
  if (!exchange.target) {
    loop.post([this, held = exchange.shared_from_this()] {
      if (held->listener != nullptr) end(*held, no_web_address(held->request.url));
    });
  } else if (auto connection = pool.take(exchange.target->origin)) {
    attach(exchange, std::move(connection));
  } else {
    connect(exchange);
  }
}

void HttpTransfers::State::connect(Exchange& exchange) {
  exchange.attempt =
      connector.connect(exchange.request.url, exchange.limits.connect_timeout_ms,
                        [this, &exchange](std::unique_ptr<HttpLink> link, std::optional<Error> failure) {
                          exchange.attempt.reset();
                          if (failure) return end(exchange, std::move(failure));
                          attach(exchange, std::make_unique<HttpConnection>(loop, std::move(link)));
                        });
}

void HttpTransfers::State::attach(Exchange& exchange, std::unique_ptr<HttpConnection> connection) {
  exchange.connection = std::move(connection);
  exchange.connection->serve(exchange);
  exchange.last_activity = loop.now();
  if (!exchange.writer) {
    exchange.writer.emplace(exchange.request, *exchange.target, options.user_agent,
                            [this, &exchange] { write(exchange); });
  }
  write(exchange);
}

void HttpTransfers::State::write(Exchange& exchange) {
  const auto held = exchange.shared_from_this();
  try {
    if (exchange.writer->write(exchange.connection->link())) exchange.last_activity = loop.now();
  } catch (const Error& error) {
    exchange.writer->stop();
    // Later: whoever gives more of the upload is no one to tell.
    loop.post([this, held, error] {
      if (held->listener != nullptr) end(*held, error);
    });
  }
  // Taking some of an upload may have had the client read on, and that have found it gone.
  if (exchange.listener != nullptr) watch(exchange);
}

void HttpTransfers::State::watch(Exchange& exchange) {
  const unsigned reads = exchange.paused ? 0u : unsigned{readable};
  exchange.connection->want(reads | (exchange.writer->waits_for_link() ? unsigned{writable} : 0u));
}

void HttpTransfers::Exchange::on_ready(unsigned readiness) {
  const auto held = shared_from_this();
  if (readiness & writable) state.write(*this);
  if (paused && readiness & hung_up) {
    // What the peer said before it left is read when that is wanted; it takes nothing more.
    writer->stop();
    return State::watch(*this);
  }
  if (readiness & (readable | hung_up)) state.read(*this);
}

/// Once, but for TLS: until nothing is there.
void HttpTransfers::State::read(Exchange& exchange) {
  while (exchange.listener != nullptr && exchange.connection && !exchange.paused) {
    HttpLink& link = exchange.connection->link();
    const bool reads_ahead = link.reads_ahead();
    if (!take(exchange, link.receive(buffer.data(), buffer.size())) || !reads_ahead) return;
  }
}

/// Whether there may be more.
bool HttpTransfers::State::take(Exchange& exchange, const HttpLink::Received& received) {
  HttpResponseReader& reader = exchange.reader;
  if (received.outcome == Outcome::wait) return false;
  if (received.outcome == Outcome::broken) {
    break_off(exchange, "the connection was reset");
    return false;
  }
  if (received.outcome == Outcome::ended) reader.end_of_input();
  if (received.outcome == Outcome::bytes) {
    exchange.last_activity = loop.now();
    const std::string_view body = reader.feed(buffer.data(), received.size);
    if (!body.empty()) tell_head(exchange);
    if (!body.empty() && exchange.listener != nullptr) exchange.listener->on_body(body);
  }
  if (exchange.listener == nullptr) return false;
  if (!reader.failure().empty()) {
    break_off(exchange, reader.failure());
  } else if (reader.complete()) {
    tell_head(exchange);
    if (exchange.listener != nullptr) end(exchange, std::nullopt);
  }
  return true;
}

void HttpTransfers::State::tell_head(Exchange& exchange) {
  if (std::exchange(exchange.head_told, true)) return;
  // It will not be sent again, and histories of chats are long.
  if (exchange.writer->has_sent_all()) exchange.request.body = {};
  const HttpHeaders headers = std::exchange(exchange.reader.headers(), {});
  exchange.listener->on_head(exchange.reader.status(), headers);
}

void HttpTransfers::State::break_off(Exchange& exchange, const std::string& why) {
  if (begin_again(exchange)) return;
  end(exchange, Error(ErrorKind::network, exchange.target->printable + " broke off: " + why));
}

/// A server may close an idle connection just when the next request is sent on it. Where not a byte of an
/// answer came, that is what happened, and the request is sent again on a connection of its own.
bool HttpTransfers::State::begin_again(Exchange& exchange) {
  if (!exchange.connection->used_before() || exchange.reader.begun()) return false;
  if (!exchange.writer->rewind()) return false;
  pool.drop(std::move(exchange.connection));
  exchange.reader = {};
  connect(exchange);
  return true;
}

void HttpTransfers::State::end(Exchange& exchange, std::optional<Error> failure) {
  const auto held = exchange.shared_from_this();
  TransferListener* const listener = exchange.listener;
  let_go(exchange, !failure && exchange.reader.reusable() && exchange.writer->has_sent_all());
  listener->on_end(std::move(failure));
}

/// The exchange is over, and may be gone after this unless someone holds it. `may_stay`: its connection.
void HttpTransfers::State::let_go(Exchange& exchange, bool may_stay) {
  exchange.listener = nullptr;
  exchange.attempt.reset();
  if (exchange.writer) exchange.writer->stop();
  if (may_stay)
    pool.keep(std::move(exchange.connection), exchange.target->origin);
  else
    pool.drop(std::move(exchange.connection));
  exchanges.erase(exchange.place);
}

void HttpTransfers::State::resume(const std::shared_ptr<Exchange>& exchange) {
  exchange->paused = false;
  exchange->last_activity = loop.now();
  if (!exchange->connection) return;
  watch(*exchange);
  // What TLS holds already makes no descriptor ready. Later: the listener is in the middle of something.
  if (exchange->connection->link().reads_ahead()) loop.post([this, exchange] { read(*exchange); });
}

void HttpTransfers::State::sweep() {
  const auto now = chrono::steady_clock::now();
  std::vector<std::shared_ptr<Exchange>> slow;
  for (const auto& exchange : exchanges) {
    // The time to connect is the connector's matter, and what we do not take is no silence of the peer's.
    if (!exchange->connection || exchange->paused || exchange->writer->waits_for_upload()) continue;
    const auto limit =
        exchange->head_told ? exchange->limits.idle_timeout_ms : exchange->limits.first_byte_timeout_ms;
    if (now - exchange->last_activity > chrono::milliseconds(limit)) slow.push_back(exchange);
  }
  for (const auto& exchange : slow) {
    if (exchange->listener != nullptr) end(*exchange, did_not_answer(*exchange->target));
  }
  pool.sweep();
  sweeper.reset();
  if (!exchanges.empty() || !pool.empty()) sweep_later();
}

void HttpTransfers::State::sweep_later() {
  sweeper = loop.call_after(sweep_interval, [this] { sweep(); });
}

/// The caller's end of an exchange. It may outlive its run, never the HttpTransfers.
class HttpTransfers::Handle : public Transfer {
 public:
  explicit Handle(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  ~Handle() override {
    if (exchange_->listener != nullptr) exchange_->state.let_go(*exchange_, false);
  }
  void pause() override {
    if (exchange_->listener == nullptr || exchange_->paused) return;
    exchange_->paused = true;
    if (exchange_->connection) State::watch(*exchange_);
  }
  void resume() override {
    if (exchange_->listener != nullptr && exchange_->paused) exchange_->state.resume(exchange_);
  }

 private:
  std::shared_ptr<Exchange> exchange_;
};

HttpTransfers::HttpTransfers(EventLoop& loop, Options options)
    : state_(std::make_unique<State>(loop, std::move(options))) {}

HttpTransfers::~HttpTransfers() = default;

std::unique_ptr<Transfer> HttpTransfers::start(HttpRequest request, const TransferLimits& limits,
                                               TransferListener& listener) {
  const auto exchange = std::make_shared<Exchange>(*state_);
  exchange->request = std::move(request);
  exchange->limits = limits;
  exchange->listener = &listener;
  exchange->place = state_->exchanges.insert(state_->exchanges.end(), exchange);
  state_->start(*exchange);
  if (!state_->sweeper) state_->sweep_later();
  return std::make_unique<Handle>(exchange);
}

}  // namespace opencat
