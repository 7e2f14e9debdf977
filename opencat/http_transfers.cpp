// SPDX-License-Identifier: MIT
#include "opencat/http_transfers.hpp"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "opencat/curl.hpp"
#include "opencat/sockets.hpp"

namespace opencat {

namespace chrono = std::chrono;
using SteadyTime = chrono::steady_clock::time_point;

namespace {

constexpr chrono::milliseconds sweep_interval{1000};
constexpr long read_buffer_bytes = 4096;
constexpr std::size_t max_known_urls = 64;

// libcurl 8.14 (Debian 13) may ask to be called at once, again and again, as long as a transfer with more to
// read is paused. After so many calls that moved nothing it is called this seldom, until something moves.
constexpr int patient_turns = 8;
constexpr chrono::milliseconds idle_turn{20};

/// One request on its way. A cancelled one has no listener and only waits to be taken apart outside libcurl's
/// callbacks, where libcurl forbids that; a finished one has no handle.
struct Job {
  curl::Easy easy{nullptr, &curl_easy_cleanup};
  HttpRequest request;
  std::shared_ptr<CURLU> url;  ///< libcurl reads it while the transfer runs
  TransferLimits limits;
  curl::List headers{nullptr, &curl_slist_free_all};
  TransferListener* listener = nullptr;
  HttpHeaders response_headers;
  SteadyTime last_activity;
  bool head_told = false;
  bool paused = false;        ///< its answer
  bool upload_waits = false;  ///< its body, for more of it

  /// libcurl takes both directions' states together.
  void apply_pauses() const {
    curl_easy_pause(easy.get(), (paused ? CURLPAUSE_RECV : 0) | (upload_waits ? CURLPAUSE_SEND : 0));
  }
  ~Job() {
    if (request.upload) request.upload->wakeup = nullptr;
  }
  char detail[CURL_ERROR_SIZE] = "";
};

}  // namespace

struct HttpTransfers::State {
  State(EventLoop& event_loop, Options given);
  ~State();

  EventLoop& loop;
  Options options;
  CURLM* multi;
  std::unordered_map<CURL*, std::shared_ptr<Job>> jobs;
  std::vector<curl::Easy> idle;
  std::unordered_map<std::string, std::shared_ptr<CURLU>> urls;
  std::optional<EventLoop::Timer> timer;  ///< may fire before `due`, never after it
  std::optional<SteadyTime> due;          ///< when libcurl wants to be called
  int idle_turns = 0;                     ///< how often its timer came since something moved
  std::optional<EventLoop::Timer> sweeper;

  /// A descriptor of libcurl's and the readiness it waits for. One that libcurl is done with stays watched
  /// until something happens on it or it is closed: mostly the next request takes it, and system calls are
  /// saved.
  struct Socket : Watcher {
    Socket(State& owner, curl_socket_t fd, unsigned readiness)
        : state(owner), descriptor(fd), watched(readiness) {}
    void on_ready(unsigned readiness) override;
    State& state;
    curl_socket_t descriptor;
    unsigned watched;
    bool in_use = true;
  };
  std::unordered_map<curl_socket_t, std::unique_ptr<Socket>> sockets;

  curl::Easy take_easy();
  void configure(Job& job);
  void set_url(Job& job);
  void finish(CURL* easy, CURLcode code);
  void collect_finished();
  void cancel(const std::shared_ptr<Job>& job);
  void take_apart(CURL* easy);
  void act(curl_socket_t descriptor, int events);
  void sweep();
  void tell_head(Job& job);

  void forget(curl_socket_t descriptor);
  void set_timer();
  void moved();

  static int on_close(void* user, curl_socket_t descriptor);
  static int on_socket(CURL*, curl_socket_t descriptor, int what, void* user, void*);
  static int on_timer(CURLM*, long timeout_ms, void* user);
  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* user);
  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* user);
  static std::size_t on_upload(char* target, std::size_t, std::size_t size, void* user);
  static int on_seek(void* user, curl_off_t offset, int origin);
  void configure_upload(Job& job);
};

HttpTransfers::State::State(EventLoop& event_loop, Options given)
    : loop(event_loop), options(std::move(given)), multi(nullptr) {
  curl::initialise();
  multi = curl_multi_init();
  if (multi == nullptr) throw Error(ErrorKind::failed, "out of memory");
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
  // Otherwise libcurl keeps as many idle connections as there ever were at once.
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, options.max_idle_connections);
}

HttpTransfers::State::~State() {
  for (auto& [easy, job] : jobs) curl_multi_remove_handle(multi, easy);
  jobs.clear();
  idle.clear();
  curl_multi_cleanup(multi);
}

curl::Easy HttpTransfers::State::take_easy() {
  if (idle.empty()) return curl::make_easy();
  curl::Easy easy = std::move(idle.back());
  idle.pop_back();
  return easy;
}

void HttpTransfers::State::configure(Job& job) {
  CURL* easy = job.easy.get();
  HttpLimits limits;
  limits.connect_timeout_ms = job.limits.connect_timeout_ms;
  limits.stall_timeout_ms = 0;  // sweep() watches for stalls, to the limit and with pauses left out
  curl::apply_limits(easy, limits);
  // One request per connection: with HTTP/2 a paused stream would hold back the others on its connection.
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  // An event has a few hundred bytes, and each open stream holds such a buffer.
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, read_buffer_bytes);
  set_url(job);
  if (!options.may_use_proxy) curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_USERAGENT, options.user_agent.c_str());
  curl::trust(easy, options.ca_file);
  if (job.request.upload) {
    configure_upload(job);
  } else if (job.request.method == "POST") {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(job.request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, job.request.body.data());
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, job.headers.get());
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &job);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &job);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, job.detail);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, this);
}

/// Few addresses are asked, again and again: each is parsed once.
void HttpTransfers::State::set_url(Job& job) {
  if (urls.size() == max_known_urls) urls.clear();
  std::shared_ptr<CURLU>& url = urls[job.request.url];
  if (!url) {
    url.reset(curl_url(), &curl_url_cleanup);
    if (curl_url_set(url.get(), CURLUPART_URL, job.request.url.c_str(), 0) != CURLUE_OK) {
      urls.erase(job.request.url);
      // libcurl says what is wrong with it, as with every other failure.
      curl_easy_setopt(job.easy.get(), CURLOPT_URL, job.request.url.c_str());
      return;
    }
  }
  job.url = url;
  curl_easy_setopt(job.easy.get(), CURLOPT_CURLU, url.get());
}

void HttpTransfers::State::configure_upload(Job& job) {
  CURL* easy = job.easy.get();
  const auto length = job.request.upload->length();
  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                   length ? static_cast<curl_off_t>(*length) : curl_off_t{-1});
  curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_upload);
  curl_easy_setopt(easy, CURLOPT_READDATA, &job);
  curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
  curl_easy_setopt(easy, CURLOPT_SEEKDATA, &job);
  job.request.upload->wakeup = [this, &job] {
    if (!std::exchange(job.upload_waits, false) || !job.easy) return;
    job.last_activity = chrono::steady_clock::now();
    moved();
    job.apply_pauses();
  };
}

std::size_t HttpTransfers::State::on_upload(char* target, std::size_t, std::size_t size, void* user) {
  auto& job = *static_cast<Job*>(user);
  job.last_activity = chrono::steady_clock::now();
  const auto count = job.request.upload->read(target, size);
  if (!count) return 0;
  job.upload_waits = *count == 0;
  return job.upload_waits ? std::size_t{CURL_READFUNC_PAUSE} : *count;
}

int HttpTransfers::State::on_seek(void* user, curl_off_t offset, int origin) {
  auto& job = *static_cast<Job*>(user);
  const bool begin = offset == 0 && origin == SEEK_SET;
  return begin && job.request.upload->rewind() ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

void HttpTransfers::State::tell_head(Job& job) {
  if (job.head_told) return;
  job.head_told = true;
  long status = 0;
  curl_easy_getinfo(job.easy.get(), CURLINFO_RESPONSE_CODE, &status);
  if (job.listener != nullptr) job.listener->on_head(static_cast<int>(status), job.response_headers);
}

std::size_t HttpTransfers::State::on_header(char* data, std::size_t, std::size_t size, void* user) {
  auto& job = *static_cast<Job*>(user);
  job.last_activity = chrono::steady_clock::now();
  curl::collect_header(job.response_headers, {data, size});
  return size;
}

std::size_t HttpTransfers::State::on_body(char* data, std::size_t, std::size_t size, void* user) {
  auto& job = *static_cast<Job*>(user);
  if (job.listener == nullptr) return 0;
  job.last_activity = chrono::steady_clock::now();
  State* state = nullptr;
  curl_easy_getinfo(job.easy.get(), CURLINFO_PRIVATE, &state);
  state->moved();
  state->tell_head(job);
  if (job.listener != nullptr) job.listener->on_body({data, size});
  // The listener may have cancelled: 0 makes libcurl give the transfer up.
  return job.listener != nullptr ? size : 0;
}

void HttpTransfers::State::forget(curl_socket_t descriptor) {
  const auto found = sockets.find(descriptor);
  if (found == sockets.end()) return;
  loop.unwatch(static_cast<int>(descriptor));
  // It may be the watcher whose call this is: it goes after that call.
  loop.post([socket = std::shared_ptr<Socket>(std::move(found->second))] {});
  sockets.erase(found);
}

int HttpTransfers::State::on_close(void* user, curl_socket_t descriptor) {
  static_cast<State*>(user)->forget(descriptor);
  sockets::close(static_cast<int>(descriptor));
  return 0;
}

int HttpTransfers::State::on_socket(CURL*, curl_socket_t descriptor, int what, void* user, void*) {
  auto& state = *static_cast<State*>(user);
  const auto found = state.sockets.find(descriptor);
  if (what == CURL_POLL_REMOVE) {
    if (found != state.sockets.end()) found->second->in_use = false;
    return 0;
  }
  const unsigned wanted =
      (what & CURL_POLL_IN ? unsigned{readable} : 0u) | (what & CURL_POLL_OUT ? unsigned{writable} : 0u);
  if (found == state.sockets.end()) {
    const auto added =
        state.sockets.emplace(descriptor, std::make_unique<Socket>(state, descriptor, wanted)).first;
    state.loop.watch(static_cast<int>(descriptor), wanted, *added->second);
    return 0;
  }
  Socket& socket = *found->second;
  socket.in_use = true;
  if (std::exchange(socket.watched, wanted) != wanted)
    state.loop.change(static_cast<int>(descriptor), wanted);
  return 0;
}

int HttpTransfers::State::on_timer(CURLM*, long timeout_ms, void* user) {
  auto& state = *static_cast<State*>(user);
  if (timeout_ms < 0) {
    state.due.reset();
    return 0;
  }
  const chrono::milliseconds wanted(timeout_ms);
  const bool in_vain = state.idle_turns > patient_turns;
  state.due = chrono::steady_clock::now() + (in_vain ? std::max(wanted, idle_turn) : wanted);
  // libcurl puts its timer off again and again: one that fires early looks whether it is time yet.
  if (state.timer && state.timer->first <= *state.due) return 0;
  if (state.timer) state.loop.cancel(*state.timer);
  state.set_timer();
  return 0;
}

void HttpTransfers::State::set_timer() {
  const auto left = chrono::ceil<chrono::milliseconds>(*due - chrono::steady_clock::now());
  timer = loop.call_after(std::max(left, chrono::milliseconds{0}), [this] {
    timer.reset();
    if (!due) return;
    if (chrono::steady_clock::now() < *due) return set_timer();
    due.reset();
    if (idle_turns <= patient_turns) ++idle_turns;
    act(CURL_SOCKET_TIMEOUT, 0);
  });
}

/// What waits for the timer need not wait any longer: libcurl says nothing when it wants the same as before.
void HttpTransfers::State::moved() {
  if (std::exchange(idle_turns, 0) <= patient_turns || !due) return;
  due = chrono::steady_clock::now();
  if (timer) loop.cancel(*timer);
  set_timer();
}

void HttpTransfers::State::Socket::on_ready(unsigned readiness) {
  // Its peer closed an idle connection, which libcurl sees when it wants to use it.
  if (!in_use) return state.forget(descriptor);
  int events = 0;
  if (readiness & (readable | hung_up)) events |= CURL_CSELECT_IN;
  if (readiness & writable) events |= CURL_CSELECT_OUT;
  state.act(descriptor, events);
}

void HttpTransfers::State::act(curl_socket_t descriptor, int events) {
  int running = 0;
  curl_multi_socket_action(multi, descriptor, events, &running);
  collect_finished();
}

void HttpTransfers::State::collect_finished() {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    // libcurl itself watches the time to connect only, and who cannot be connected to is not there.
    const CURLcode code = message->data.result;
    finish(message->easy_handle, code == CURLE_OPERATION_TIMEDOUT ? CURLE_COULDNT_CONNECT : code);
  }
}

/// Takes the handle off its job, ready for the next one.
void HttpTransfers::State::take_apart(CURL* easy) {
  const auto found = jobs.find(easy);
  curl_multi_remove_handle(multi, easy);
  curl_easy_reset(easy);
  idle.push_back(std::move(found->second->easy));
  jobs.erase(found);
}

void HttpTransfers::State::finish(CURL* easy, CURLcode code) {
  const std::shared_ptr<Job> job = jobs.at(easy);
  if (code == CURLE_OK) tell_head(*job);
  take_apart(easy);
  TransferListener* listener = std::exchange(job->listener, nullptr);
  if (listener == nullptr) return;
  if (code == CURLE_OK) {
    listener->on_end(std::nullopt);
  } else {
    listener->on_end(curl::explain(code, job->request.url, job->detail));
  }
}

void HttpTransfers::State::cancel(const std::shared_ptr<Job>& job) {
  job->listener = nullptr;
  // The handle may serve another job by then, so it is looked up by both.
  loop.post([this, job, easy = job->easy.get()] {
    const auto found = jobs.find(easy);
    if (found != jobs.end() && found->second == job) take_apart(easy);
  });
}

void HttpTransfers::State::sweep() {
  const auto now = chrono::steady_clock::now();
  std::vector<CURL*> slow;
  for (const auto& [easy, job] : jobs) {
    const auto limit = job->head_told ? job->limits.idle_timeout_ms : job->limits.first_byte_timeout_ms;
    const bool waits_for_us = job->paused || job->upload_waits;
    if (!waits_for_us && job->listener != nullptr && now - job->last_activity > chrono::milliseconds(limit)) {
      slow.push_back(easy);
    }
  }
  for (CURL* easy : slow) finish(easy, CURLE_OPERATION_TIMEDOUT);
  if (jobs.empty()) {
    sweeper.reset();
  } else {
    sweeper = loop.call_after(sweep_interval, [this] { sweep(); });
  }
}

/// The caller's end of a Job. It may outlive the job's run, never the HttpTransfers.
class HttpTransfers::Handle : public Transfer {
 public:
  Handle(State& state, std::shared_ptr<Job> job) : state_(state), job_(std::move(job)) {}
  ~Handle() override {
    if (job_->easy) state_.cancel(job_);
  }
  void pause() override {
    if (!job_->easy || job_->paused) return;
    job_->paused = true;
    job_->apply_pauses();
  }
  void resume() override {
    if (!job_->easy || !job_->paused) return;
    job_->paused = false;
    job_->last_activity = chrono::steady_clock::now();
    state_.moved();
    job_->apply_pauses();
  }

 private:
  State& state_;
  std::shared_ptr<Job> job_;
};

HttpTransfers::HttpTransfers(EventLoop& loop, Options options)
    : state_(std::make_unique<State>(loop, std::move(options))) {}

HttpTransfers::~HttpTransfers() = default;

std::unique_ptr<Transfer> HttpTransfers::start(HttpRequest request, const TransferLimits& limits,
                                               TransferListener& listener) {
  State& state = *state_;
  auto owned = std::make_shared<Job>();
  Job& job = *owned;
  job.easy = state.take_easy();
  job.request = std::move(request);
  job.limits = limits;
  // Without a length only chunks can tell where the body ends.
  if (job.request.upload && !job.request.upload->length()) {
    job.request.headers.emplace_back("Transfer-Encoding", "chunked");
  }
  job.headers = curl::header_list(job.request.headers);
  job.listener = &listener;
  job.last_activity = chrono::steady_clock::now();
  state.configure(job);
  state.moved();
  CURL* easy = job.easy.get();
  state.jobs.emplace(easy, owned);
  curl_multi_add_handle(state.multi, easy);
  if (!state.sweeper) {
    state.sweeper = state.loop.call_after(sweep_interval, [&state] { state.sweep(); });
  }
  return std::make_unique<Handle>(state, std::move(owned));
}

}  // namespace opencat
