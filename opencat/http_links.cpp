// SPDX-License-Identifier: MIT
#include "opencat/http_links.hpp"

#include <algorithm>
#include <chrono>
#include <unordered_map>
#include <utility>
#include <vector>

#include "opencat/curl.hpp"
#include "opencat/sockets.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace chrono = std::chrono;

namespace {

/// A descriptor that libcurl has connected and given away: what is asked without TLS needs it no more.
class PlainLink : public HttpLink {
 public:
  explicit PlainLink(int descriptor) : descriptor_(descriptor) {}
  ~PlainLink() override { sockets::close(descriptor_); }

  int descriptor() const override { return descriptor_; }
  Received receive(char* target, std::size_t size) override {
    bool broken = false;
    const auto count = sockets::receive(descriptor_, target, size, broken);
    if (!count) return {Received::Outcome::wait};
    if (*count > 0) return {Received::Outcome::bytes, *count};
    return {broken ? Received::Outcome::broken : Received::Outcome::ended};
  }
  std::optional<std::size_t> send(std::string_view bytes) override {
    return sockets::send(descriptor_, bytes);
  }
  bool reads_ahead() const override { return false; }

 private:
  int descriptor_;
};

}  // namespace

struct HttpConnector::State {
  State(EventLoop& event_loop, Options given);
  ~State() {
    curl_multi_cleanup(multi);
    if (timer) loop.cancel(*timer);
  }

  /// What is under way for a handle of libcurl's.
  struct Connecting {
    curl::Easy easy{nullptr, &curl_easy_cleanup};
    std::string url;
    OnDone on_done;
    char detail[CURL_ERROR_SIZE] = "";
  };
  /// A descriptor of libcurl's while it connects.
  struct Socket : Watcher {
    Socket(State& owner, curl_socket_t fd) : state(owner), descriptor(fd) {}
    void on_ready(unsigned readiness) override;
    State& state;
    curl_socket_t descriptor;
  };
  class SecureLink;

  EventLoop& loop;
  Options options;
  CURLM* multi;
  std::unordered_map<CURL*, std::unique_ptr<Connecting>> connecting;
  std::unordered_map<curl_socket_t, std::unique_ptr<Socket>> watched;
  std::vector<curl::Easy> idle;  ///< with their memory of TLS sessions
  std::optional<EventLoop::Timer> timer;
  curl_socket_t given_away = CURL_SOCKET_BAD;

  void configure(Connecting& attempt, std::uint32_t timeout_ms);
  void act(curl_socket_t descriptor, int events);
  void finish(CURL* easy, CURLcode code);
  std::unique_ptr<HttpLink> link_of(curl::Easy easy, const std::string& url);
  void take_apart(curl::Easy easy);
  void forget(curl_socket_t descriptor);

  static int on_socket(CURL*, curl_socket_t descriptor, int what, void* user, void*);
  static int on_timer(CURLM*, long timeout_ms, void* user);
  static int on_close(void* user, curl_socket_t descriptor);
};

/// A connection that stays libcurl's, in its mode for connecting only
/// (https://curl.se/libcurl/c/CURLOPT_CONNECT_ONLY.html).
class HttpConnector::State::SecureLink : public HttpLink {
 public:
  SecureLink(State& state, curl::Easy easy, curl_socket_t descriptor)
      : state_(state), easy_(std::move(easy)), descriptor_(static_cast<int>(descriptor)) {}
  ~SecureLink() override { state_.take_apart(std::move(easy_)); }

  int descriptor() const override { return descriptor_; }
  Received receive(char* target, std::size_t size) override {
    std::size_t count = 0;
    const CURLcode code = curl_easy_recv(easy_.get(), target, size, &count);
    if (code == CURLE_AGAIN) return {Received::Outcome::wait};
    if (code != CURLE_OK) return {Received::Outcome::broken};
    if (count == 0) return {Received::Outcome::ended};
    return {Received::Outcome::bytes, count};
  }
  std::optional<std::size_t> send(std::string_view bytes) override {
    std::size_t count = 0;
    const CURLcode code = curl_easy_send(easy_.get(), bytes.data(), bytes.size(), &count);
    if (code == CURLE_AGAIN) return std::nullopt;
    return code == CURLE_OK ? count : 0;
  }
  bool reads_ahead() const override { return true; }

 private:
  State& state_;
  curl::Easy easy_;
  int descriptor_;
};

HttpConnector::State::State(EventLoop& event_loop, Options given)
    : loop(event_loop), options(std::move(given)), multi(nullptr) {
  curl::initialise();
  multi = curl_multi_init();
  if (multi == nullptr) throw Error(ErrorKind::failed, "out of memory");
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
}

void HttpConnector::State::configure(Connecting& attempt, std::uint32_t timeout_ms) {
  CURL* easy = attempt.easy.get();
  HttpLimits limits;
  limits.connect_timeout_ms = timeout_ms;
  limits.stall_timeout_ms = 0;
  curl::apply_limits(easy, limits);
  curl_easy_setopt(easy, CURLOPT_URL, attempt.url.c_str());
  curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
  // What is spoken is HTTP/1.1, and that TLS agrees on.
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  // Through a proxy as through a wire, without TLS, too: whoever uses the link need not know of it.
  curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
  if (!options.may_use_proxy) curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_USERAGENT, options.user_agent.c_str());
  curl::trust(easy, options.ca_file);
  // No answer of a server goes through it, and each open link holds such a buffer.
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 1024L);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, attempt.detail);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, this);
}

void HttpConnector::State::Socket::on_ready(unsigned readiness) {
  int events = 0;
  if (readiness & (readable | hung_up)) events |= CURL_CSELECT_IN;
  if (readiness & writable) events |= CURL_CSELECT_OUT;
  state.act(descriptor, events);
}

void HttpConnector::State::forget(curl_socket_t descriptor) {
  const auto found = watched.find(descriptor);
  if (found == watched.end()) return;
  loop.unwatch(static_cast<int>(descriptor));
  // It may be the watcher whose call this is: it goes after that call.
  loop.post([socket = std::shared_ptr<Socket>(std::move(found->second))] {});
  watched.erase(found);
}

int HttpConnector::State::on_socket(CURL*, curl_socket_t descriptor, int what, void* user, void*) {
  auto& state = *static_cast<State*>(user);
  if (what == CURL_POLL_REMOVE) {
    state.forget(descriptor);
    return 0;
  }
  const unsigned wanted =
      (what & CURL_POLL_IN ? unsigned{readable} : 0u) | (what & CURL_POLL_OUT ? unsigned{writable} : 0u);
  const auto [place, is_new] = state.watched.try_emplace(descriptor);
  if (!is_new) {
    state.loop.change(static_cast<int>(descriptor), wanted);
    return 0;
  }
  place->second = std::make_unique<Socket>(state, descriptor);
  state.loop.watch(static_cast<int>(descriptor), wanted, *place->second);
  return 0;
}

int HttpConnector::State::on_timer(CURLM*, long timeout_ms, void* user) {
  auto& state = *static_cast<State*>(user);
  if (state.timer) state.loop.cancel(*std::exchange(state.timer, std::nullopt));
  if (timeout_ms < 0) return 0;
  state.timer = state.loop.call_after(chrono::milliseconds(timeout_ms), [&state] {
    state.timer.reset();
    state.act(CURL_SOCKET_TIMEOUT, 0);
  });
  return 0;
}

int HttpConnector::State::on_close(void* user, curl_socket_t descriptor) {
  auto& state = *static_cast<State*>(user);
  state.forget(descriptor);
  if (descriptor != state.given_away) sockets::close(static_cast<int>(descriptor));
  return 0;
}

void HttpConnector::State::act(curl_socket_t descriptor, int events) {
  int running = 0;
  curl_multi_socket_action(multi, descriptor, events, &running);
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg == CURLMSG_DONE) finish(message->easy_handle, message->data.result);
  }
}

void HttpConnector::State::finish(CURL* easy, CURLcode code) {
  const auto found = connecting.find(easy);
  if (found == connecting.end()) return;
  const std::unique_ptr<Connecting> attempt = std::move(found->second);
  connecting.erase(found);
  if (code == CURLE_OK) {
    attempt->on_done(link_of(std::move(attempt->easy), attempt->url), std::nullopt);
    return;
  }
  take_apart(std::move(attempt->easy));
  // Who cannot be connected to in time is not there.
  if (code == CURLE_OPERATION_TIMEDOUT) code = CURLE_COULDNT_CONNECT;
  attempt->on_done(nullptr, curl::explain(code, attempt->url, attempt->detail));
}

std::unique_ptr<HttpLink> HttpConnector::State::link_of(curl::Easy easy, const std::string& url) {
  curl_socket_t descriptor = CURL_SOCKET_BAD;
  curl_easy_getinfo(easy.get(), CURLINFO_ACTIVESOCKET, &descriptor);
  forget(descriptor);
  curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, nullptr);  // it was the attempt's
  // A proxy may want TLS of its own.
  const bool plain = !options.may_use_proxy && lower(url.substr(0, 5)) == "http:";
  if (!plain) return std::make_unique<SecureLink>(*this, std::move(easy), descriptor);
  given_away = descriptor;
  take_apart(std::move(easy));
  given_away = CURL_SOCKET_BAD;
  return std::make_unique<PlainLink>(static_cast<int>(descriptor));
}

/// Closes what the handle has open, and keeps it for the next connection.
void HttpConnector::State::take_apart(curl::Easy easy) {
  curl_multi_remove_handle(multi, easy.get());
  curl_easy_reset(easy.get());
  constexpr std::size_t enough = 64;
  if (idle.size() < enough) idle.push_back(std::move(easy));
}

namespace {

class RunningAttempt : public HttpConnector::Attempt {
 public:
  explicit RunningAttempt(std::function<void()> give_up) : give_up_(std::move(give_up)) {}
  ~RunningAttempt() override { give_up_(); }

 private:
  std::function<void()> give_up_;
};

}  // namespace

HttpConnector::HttpConnector(EventLoop& loop, Options options)
    : state_(std::make_unique<State>(loop, std::move(options))) {}

HttpConnector::~HttpConnector() {
  for (auto& [easy, attempt] : std::exchange(state_->connecting, {}))
    state_->take_apart(std::move(attempt->easy));
}

std::unique_ptr<HttpConnector::Attempt> HttpConnector::connect(const std::string& url,
                                                               std::uint32_t timeout_ms, OnDone on_done) {
  State& state = *state_;
  auto owned = std::make_unique<State::Connecting>();
  State::Connecting& attempt = *owned;
  if (state.idle.empty()) {
    attempt.easy = curl::make_easy();
  } else {
    attempt.easy = std::move(state.idle.back());
    state.idle.pop_back();
  }
  attempt.url = url;
  attempt.on_done = std::move(on_done);
  state.configure(attempt, timeout_ms);
  CURL* easy = attempt.easy.get();
  state.connecting.emplace(easy, std::move(owned));
  curl_multi_add_handle(state.multi, easy);
  return std::make_unique<RunningAttempt>([&state, easy, wanted = &attempt] {
    const auto found = state.connecting.find(easy);
    // The handle may serve another connection by then.
    if (found == state.connecting.end() || found->second.get() != wanted) return;
    const std::unique_ptr<State::Connecting> over = std::move(found->second);
    state.connecting.erase(found);
    state.take_apart(std::move(over->easy));
  });
}

}  // namespace opencat
