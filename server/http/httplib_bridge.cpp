// SPDX-License-Identifier: MIT
// The only file that includes <httplib.h>. Compiles with 0.11 (Debian 12) and 0.18 (Debian 13), whose
// process_request() differ.
#include "server/http/httplib_bridge.hpp"

#include <algorithm>
#include <cstring>
#include <regex>
#include <unordered_map>

#include <httplib.h>

#include "opencat/error.hpp"
#include "opencat/sockets.hpp"
#include "opencat/text.hpp"

namespace opencat::http {

namespace {

constexpr std::size_t max_known_lines = 64;
constexpr std::size_t longest_known_line = 256;

/// The headers of a head that HeadFraming found well, as they were written: httplib percent-decodes their
/// values, and "%0d%0a" in one would end a line wherever that value is passed on.
Headers headers_of(std::string_view head) {
  Headers headers;
  for (std::size_t end; (end = head.find("\r\n")) != std::string_view::npos && end > 0;) {
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 2);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    headers.emplace_back(line.substr(0, colon), trim(line.substr(colon + 1)));
  }
  return headers;
}

bool asks_to_close(const Headers& headers) {
  return std::any_of(headers.begin(), headers.end(), [](const auto& header) {
    if (header.first.size() != std::strlen("connection") || lower(header.first) != "connection") return false;
    const auto options = split(header.second, ',');
    return std::any_of(options.begin(), options.end(),
                       [](const std::string& option) { return lower(trim(option)) == "close"; });
  });
}

/// Bytes that are already in memory, as httplib's parser wants to read them. What the parser would answer is
/// dropped: answers are written by Connection.
class BufferStream : public httplib::Stream {
 public:
  explicit BufferStream(std::string_view bytes) : bytes_(bytes) {}
  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  ssize_t read(char* target, size_t size) override {
    const std::size_t count = std::min(size, bytes_.size());
    std::memcpy(target, bytes_.data(), count);
    bytes_.remove_prefix(count);
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char*, size_t size) override { return static_cast<ssize_t>(size); }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return INVALID_SOCKET; }
  // A pure virtual of versions after 0.18, hence no `override`.
  virtual time_t duration() const { return 0; }

 private:
  std::string_view bytes_;
};

/// Calls process_request() in the shape this httplib has; as if the connection ended with the answer, for
/// httplib takes its time to word how long it is kept, and that answer is dropped. A template, so that the
/// other shape is not compiled.
template <class Base>
class Processing : public Base {
 public:
  template <class Setup>
  bool process(httplib::Stream& stream, bool& closed, const Setup& setup) {
    if constexpr (requires(Processing & self) { self.process_request(stream, false, closed, setup); }) {
      return this->process_request(stream, true, closed, setup);
    } else {
      return this->process_request(stream, std::string(), 0, std::string(), 0, true, closed, setup);
    }
  }
};

}  // namespace

class RequestParser::Server : public Processing<httplib::Server> {
 public:
  Server(const Routes& routes, std::string prefix) : prefix_(std::move(prefix)) {
    for (const Route& route : routes) {
      add(route);
      patterns_.emplace_back(route.pattern);
    }
    set_error_handler([this](const httplib::Request&, httplib::Response& response) {
      if (parsed_.route == nullptr) parsed_.status = response.status;
    });
  }

  Parsed parse(std::string_view head) {
    // httplib is for the first line: it has ideas of its own about headers (Range, Expect, decoding), and
    // none is wanted.
    const std::size_t line_end = head.find("\r\n") + 2;
    Parsed parsed = parse_line(std::string(head.substr(0, line_end)));
    parsed.request.headers = headers_of(head.substr(line_end));
    if (asks_to_close(parsed.request.headers)) parsed.keep_alive = false;
    return parsed;
  }

 private:
  /// Nearly all requests begin with one of a few lines, so what those say is remembered.
  Parsed parse_line(const std::string& line) {
    if (const auto known = known_lines_.find(line); known != known_lines_.end()) return known->second;
    parse_new_line(line);
    const bool may_repeat = line.find('?') == std::string::npos && line.size() <= longest_known_line;
    if (parsed_.route != nullptr && may_repeat) {
      if (known_lines_.size() == max_known_lines) known_lines_.clear();
      known_lines_.emplace(line, parsed_);
    }
    return std::move(parsed_);
  }

  void parse_new_line(const std::string& line) {
    parsed_ = Parsed{};
    const std::string head = line + "\r\n";
    BufferStream stream(head);
    bool closed = false;
    const std::function<void(httplib::Request&)> setup = [this](httplib::Request& request) {
      parsed_.http_1_0 = request.version == "HTTP/1.0";
      strip_prefix(request.path);
      parsed_.request.method = request.method;
      parsed_.request.path = request.path;
      // The body is the connection's: httplib would hold all of it, read forms and unpack what is compressed.
      request.headers.emplace("Content-Length", "0");
    };
    const bool well = process(stream, closed, setup);
    // To keep a 1.0 client's connection open, it would have to be told so in a header of those days.
    parsed_.keep_alive = well && !closed && !parsed_.http_1_0;
    if (parsed_.route == nullptr && parsed_.status == 404 && is_known(parsed_.request.path))
      parsed_.status = 405;
  }

  void add(const Route& route) {
    const Handler handler = [this, &route](const httplib::Request& request, httplib::Response&) {
      parsed_.route = &route;
      take_rest(request);
    };
    if (route.method == "GET") Get(route.pattern, handler);
    if (route.method == "POST") Post(route.pattern, handler);
    if (route.method == "PATCH") Patch(route.pattern, handler);
    if (route.method == "DELETE") Delete(route.pattern, handler);
  }

  void strip_prefix(std::string& path) const {
    if (prefix_.empty() || path.compare(0, prefix_.size(), prefix_) != 0) return;
    if (path.size() == prefix_.size()) {
      path = "/";
    } else if (path[prefix_.size()] == '/') {
      path.erase(0, prefix_.size());
    }
  }

  /// Copies what our handlers see, for httplib's object goes when its handler returns.
  void take_rest(const httplib::Request& from) {
    Request& to = parsed_.request;
    for (std::size_t i = 1; i < from.matches.size(); ++i) to.captures.push_back(from.matches[i].str());
    for (const auto& [name, value] : from.params) to.query.emplace_back(name, value);
  }

  bool is_known(const std::string& path) const {
    return std::any_of(patterns_.begin(), patterns_.end(),
                       [&](const std::regex& pattern) { return std::regex_match(path, pattern); });
  }

  std::string prefix_;
  std::vector<std::regex> patterns_;
  Parsed parsed_;  ///< of the line that httplib is at
  std::unordered_map<std::string, Parsed> known_lines_;
};

RequestParser::RequestParser(const Routes& routes, std::string prefix)
    : server_(std::make_unique<Server>(routes, std::move(prefix))) {}

RequestParser::~RequestParser() = default;

RequestParser::Parsed RequestParser::parse(std::string_view head) { return server_->parse(head); }

namespace {

/// Binds a socket as httplib does, which knows names and both kinds of addresses; what it accepts with is not
/// used, for it ends by shutting the socket down, and another process may go on with that.
class Binder : public httplib::Server {
 public:
  Binder() {
    // httplib's default adds SO_REUSEPORT, with which a second server would silently share the port.
    set_socket_options([](socket_t socket) { sockets::own_port(static_cast<int>(socket)); });
  }
  /// -1 when the port cannot be had.
  int bind(const std::string& host, int& port) {
    port = port == 0 ? bind_to_any_port(host) : (bind_to_port(host, port) ? port : -1);
    if (port < 0) return -1;
    const socket_t socket = svr_sock_.exchange(INVALID_SOCKET);
    // httplib's own backlog is compiled into Debian's library as 5; a second listen() raises it.
    ::listen(socket, SOMAXCONN);
    return static_cast<int>(socket);
  }
};

/// Until there may be open files again.
constexpr std::chrono::milliseconds breath{20};

}  // namespace

Listener::Listener(OnSocket on_socket) : on_socket_(std::move(on_socket)) {}

Listener::~Listener() { stop(); }

int Listener::listen(const std::string& host, int port) {
  int bound = port;
  const int socket = Binder().bind(host, bound);
  if (socket < 0) {
    throw Error(ErrorKind::usage, "cannot listen on " + host + ":" + std::to_string(port) +
                                      "; is the port taken? Choose another with --port, or 0 for any");
  }
  go_on_with(socket);
  return bound;
}

void Listener::go_on_with(int socket) {
  socket_ = socket;
  sockets::set_non_blocking(socket_);
  loop_.watch(socket_, readable, *this);
  thread_ = std::thread([this] { loop_.run(); });
}

void Listener::on_ready(unsigned) {
  // A few at a time, so that stop() is heard.
  for (int i = 0; i < 64; ++i) {
    const sockets::Accepted accepted = sockets::accept(socket_);
    if (accepted.exhausted) {
      loop_.change(socket_, 0);
      loop_.call_after(breath, [this] { loop_.change(socket_, readable); });
      return;
    }
    if (accepted.socket < 0) return;
    on_socket_(accepted.socket);
  }
}

void Listener::stop() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
  sockets::close(std::exchange(socket_, -1));
}

}  // namespace opencat::http
