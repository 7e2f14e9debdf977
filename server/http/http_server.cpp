// SPDX-License-Identifier: MIT
#include "server/http/http_server.hpp"

#include <atomic>
#include <future>
#include <mutex>
#include <unordered_map>

#include "opencat/error.hpp"
#include "opencat/sockets.hpp"
#include "server/http/blocking_pool.hpp"
#include "server/http/connection.hpp"
#include "server/http/httplib_bridge.hpp"

namespace opencat::http {

namespace {

/// Connections beyond the limit that are told so at once; there is no time to tell more.
constexpr std::size_t max_refusals = 256;

/// IPv4 within IPv6, as a listener on "::" sees it, is IPv4.
std::string peer_ip_of(int descriptor) { return client_address(sockets::peer_ip(descriptor), {}, {}); }

}  // namespace

struct HttpServer::State {
  /// What belongs to one loop's thread.
  struct Shard {
    Shard(State& owner, EventLoop& event_loop, std::size_t index);
    /// `refusal`: it is beyond the limit and only hears 503.
    void adopt(int descriptor, bool refusal);
    void release(bool refusal) { --(refusal ? state.refusals : state.open_connections); }
    void sweep();

    State& state;
    RequestParser parser;
    ConnectionHost host;
    std::unordered_map<int, std::shared_ptr<Connection>> connections;
    bool stopped = false;
  };

  HttpServerOptions options;
  Routes routes;
  Guard guard;
  std::function<std::string()> new_request_id;
  OnFault on_fault;
  std::vector<std::unique_ptr<Shard>> shards;
  std::unique_ptr<BlockingPool> pool;
  std::unique_ptr<Listener> listener;
  std::atomic<std::size_t> open_connections{0};
  std::atomic<std::size_t> refusals{0};
  std::size_t next_shard = 0;

  std::mutex tls_mutex;  ///< guards options.tls

  std::shared_ptr<const ChannelFactory> current_tls() {
    const std::lock_guard lock(tls_mutex);
    return options.tls;
  }
  void accept(int descriptor);
  void dispatch(const Route& route, const std::shared_ptr<Exchange>& exchange);
  Response run_blocking(const BlockingHandler& handler, const Request& request) const;
};

HttpServer::State::Shard::Shard(State& owner, EventLoop& event_loop, std::size_t index)
    : state(owner),
      parser(owner.routes, owner.options.prefix),
      host{event_loop,
           index,
           parser,
           owner.options.limits,
           owner.options.patience,
           owner.options.cors,
           [this](const Route& route, const std::shared_ptr<Exchange>& exchange) {
             state.dispatch(route, exchange);
           },
           owner.new_request_id,
           [this](const std::string& peer_ip, const std::string& forwarded_for) {
             return forwarded_for.empty()
                        ? peer_ip
                        : client_address(peer_ip, forwarded_for, state.options.trusted_proxies);
           },
           [this](int descriptor) {
             const auto found = connections.find(descriptor);
             if (found == connections.end()) return;
             release(found->second->turned_away());
             // It may be in one of its own calls: it goes after that.
             host.loop.post([connection = std::move(found->second)] {});
             connections.erase(found);
           },
           owner.options.observer} {
  event_loop.call_after(host.patience.sweep, [this] { sweep(); });
}

void HttpServer::State::Shard::adopt(int descriptor, bool refusal) {
  if (stopped) {
    sockets::close(descriptor);
    return release(refusal);
  }
  const auto tls = state.current_tls();
  auto channel = tls ? tls->channel(descriptor) : plain_channel(descriptor);
  const auto connection =
      std::make_shared<Connection>(host, descriptor, std::move(channel), peer_ip_of(descriptor));
  connections[descriptor] = connection;
  connection->start();
  if (refusal) connection->turn_away();
}

void HttpServer::State::Shard::sweep() {
  const auto now = std::chrono::steady_clock::now();
  std::vector<std::shared_ptr<Connection>> late;
  for (const auto& [descriptor, connection] : connections) {
    if (connection->is_late(now)) late.push_back(connection);
  }
  // Closing takes each out of the table.
  for (const auto& connection : late) connection->close();
  host.loop.call_after(host.patience.sweep, [this] { sweep(); });
}

void HttpServer::State::accept(int descriptor) {
  const bool refusal = open_connections >= options.max_connections;
  if (refusal && refusals >= max_refusals) {
    sockets::close(descriptor);
    return;
  }
  ++(refusal ? refusals : open_connections);
  Shard& shard = *shards[next_shard++ % shards.size()];
  shard.host.loop.post([&shard, descriptor, refusal] { shard.adopt(descriptor, refusal); });
}

Response HttpServer::State::run_blocking(const BlockingHandler& handler, const Request& request) const {
  try {
    return handler(request);
  } catch (const Error& error) {
    return error_response(error);
  } catch (const std::exception& error) {
    on_fault(error.what());
    return error_response(Error(ErrorKind::failed, "the server failed on this request; its log says more"));
  }
}

void HttpServer::State::dispatch(const Route& route, const std::shared_ptr<Exchange>& exchange) {
  guard(route.access, exchange->request());
  if (const auto* loop_handler = std::get_if<LoopHandler>(&route.handler)) {
    try {
      return (*loop_handler)(exchange);
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      on_fault(error.what());
      throw Error(ErrorKind::failed, "the server failed on this request; its log says more");
    }
  }
  const auto& handler = std::get<BlockingHandler>(route.handler);
  pool->run([this, &handler, exchange = exchange, &loop = exchange->loop()]() mutable {
    auto response = std::make_shared<Response>(run_blocking(handler, exchange->request()));
    // The exchange goes home with the answer, for its last reference may only be let go on its loop.
    loop.post([exchange = std::move(exchange), response] { exchange->respond(std::move(*response)); });
  });
}

HttpServer::HttpServer(HttpServerOptions options, Routes routes, Guard guard,
                       std::function<std::string()> new_request_id, const std::vector<EventLoop*>& loops,
                       OnFault on_fault)
    : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
  state_->routes = std::move(routes);
  state_->guard = std::move(guard);
  state_->new_request_id = std::move(new_request_id);
  state_->on_fault = std::move(on_fault);
  for (EventLoop* loop : loops) {
    state_->shards.push_back(std::make_unique<State::Shard>(*state_, *loop, state_->shards.size()));
  }
  state_->pool = std::make_unique<BlockingPool>(state_->options.blocking_threads,
                                                state_->options.max_waiting_for_thread);
  state_->listener =
      std::make_unique<Listener>([state = state_.get()](int descriptor) { state->accept(descriptor); });
}

HttpServer::~HttpServer() {
  state_->listener->stop();
  // The pool's last answers are posted to loops, which outlive this object.
  state_->pool.reset();
}

int HttpServer::start() {
  const HttpServerOptions& options = state_->options;
  if (options.listener < 0) return state_->listener->listen(options.host, options.port);
  state_->listener->go_on_with(options.listener);
  const auto place = sockets::listens_at(options.listener);
  return place ? place->port : 0;
}

int HttpServer::listener() const { return state_->listener->socket(); }

void HttpServer::set_tls(std::shared_ptr<const ChannelFactory> tls) {
  const std::lock_guard lock(state_->tls_mutex);
  state_->options.tls = std::move(tls);
}

void HttpServer::drain(Drain how) {
  state_->listener->stop();
  for (const auto& shard : state_->shards) {
    shard->host.loop.post([&shard = *shard, how] {
      shard.host.draining = true;
      if (how == Drain::gently) return;
      std::vector<std::shared_ptr<Connection>> all;
      for (const auto& [descriptor, connection] : shard.connections) all.push_back(connection);
      for (const auto& connection : all) connection->drain();
    });
  }
}

std::size_t HttpServer::open_connections() const { return state_->open_connections; }

std::size_t HttpServer::waiting_for_thread() const { return state_->pool->waiting(); }

void HttpServer::stop() {
  state_->listener->stop();
  for (const auto& shard : state_->shards) {
    std::promise<void> done;
    shard->host.loop.post([&shard = *shard, &done] {
      shard.stopped = true;
      while (!shard.connections.empty()) shard.connections.begin()->second->close();
      done.set_value();
    });
    done.get_future().wait();
  }
}

}  // namespace opencat::http
