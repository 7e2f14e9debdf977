// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "opencat/event_loop.hpp"
#include "server/http/channel.hpp"
#include "server/http/cors.hpp"
#include "server/http/exchange.hpp"
#include "server/http/httplib_bridge.hpp"
#include "server/http/observer.hpp"
#include "server/http/patience.hpp"
#include "server/http/request_framing.hpp"

namespace opencat::http {

/// What the connections of one loop share.
struct ConnectionHost {
  EventLoop& loop;
  std::size_t loop_index;
  RequestParser& parser;
  FramingLimits limits;
  const Patience& patience;
  const CorsPolicy& cors;
  /// Runs the route's handler. Throws Error.
  std::function<void(const Route& route, const std::shared_ptr<Exchange>& exchange)> dispatch;
  /// A fresh request id, for clients that sent none.
  std::function<std::string()> new_request_id;
  /// The address the client is known by, from the socket's and what X-Forwarded-For says.
  std::function<std::string(const std::string& peer_ip, const std::string& forwarded_for)> client_ip;
  /// The connection is over and may be forgotten.
  std::function<void(int descriptor)> on_closed;
  Observer* observer = nullptr;  ///< null: nobody counts
  bool draining = false;
  static constexpr std::size_t read_size = 64 << 10;
  /// What was just read from whichever connection. Not a thread's own: that would be zeroed, and so taken, in
  /// each thread of the process.
  std::unique_ptr<char[]> read_buffer = std::make_unique_for_overwrite<char[]>(read_size);
};

class Answer;

/// One client's socket: reads until a request is whole (or its head, where a handler takes the body as it
/// arrives), has it dispatched, writes the answer, and goes on with the next. While a request is being
/// answered nothing more is read than what tells that the client left. All calls belong to the loop's thread.
class Connection : public Watcher, public std::enable_shared_from_this<Connection> {
 public:
  Connection(ConnectionHost& host, int descriptor, std::unique_ptr<Channel> channel, std::string peer_ip);
  ~Connection() override;

  /// Begins to read. Apart from the constructor: it needs shared_from_this().
  void start();
  void on_ready(unsigned readiness) override;

  /// Says 503 and closes: the server is at its limit of connections.
  void turn_away();
  bool turned_away() const { return turned_away_; }

  /// Whether it has waited too long and is to be closed: idle, slow to send a request, slow to take an
  /// answer.
  bool is_late(std::chrono::steady_clock::time_point now) const;
  /// No further request: closes now if it is idle, else after the answer.
  void drain();
  bool busy() const { return !exchange_.expired(); }
  void close();

 private:
  friend class Answer;

  /// A request whose head has arrived.
  struct Incoming {
    Incoming(const BodyFacts& of, std::uint64_t limit, bool as_stream)
        : facts(of), body(of, limit), streamed(as_stream) {}

    RequestParser::Parsed parsed;  ///< moved on when it is dispatched
    BodyFacts facts;
    BodyFraming body;
    bool streamed;
    bool wanted = false;  ///< the handler has asked for it
    bool paused = false;
  };

  void read();
  void read_soon();
  void refuse_plain_http();
  void handle_buffered();
  bool take_head();
  bool gather_body();
  void serve(RequestParser::Parsed parsed, const BodyFacts& body);
  void reject(RequestParser::Parsed parsed, const BodyFacts& body, int status);
  void refuse(int status, const std::string& request_id = {});
  void answer_and_close(const Response& response, const std::string& request_id);

  bool reads_body() const;
  bool has_body_left() const { return incoming_ && !incoming_->body.whole(); }
  void want_body();
  void set_body_paused(bool paused);
  void feed_body_soon();
  void feed_body();
  void break_off(int status);
  bool skip_body();
  void say_continue();

  void send(std::string_view bytes);
  void flush();
  void answered(bool keep_alive);
  void linger();
  void lose();
  bool wants_to_read() const;
  /// Whether the client has taken so little of its answers that it is given no more of them.
  bool is_choked() const;
  void stop_reading();
  void update_interest();

  ConnectionHost& host_;
  int descriptor_;
  std::unique_ptr<Channel> channel_;
  std::string peer_ip_;
  HeadFraming head_;
  std::string in_;
  std::string out_;
  std::size_t out_sent_ = 0;
  std::unique_ptr<Incoming> incoming_;  ///< until its body is whole
  std::weak_ptr<Answer> exchange_;      ///< its handler's: one that lets go of it has answered
  std::chrono::steady_clock::time_point last_progress_;
  std::chrono::steady_clock::time_point request_began_;
  unsigned interest_ = 0;
  bool close_after_flush_ = false;
  bool lingering_ = false;
  bool handling_ = false;
  bool reading_soon_ = false;
  bool turned_away_ = false;
};

}  // namespace opencat::http
