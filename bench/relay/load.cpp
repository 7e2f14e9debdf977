// SPDX-License-Identifier: MIT
// Load for a chat server on loopback. One JSON line on stdout says what was seen, and what the watched
// process used meanwhile (user and system time of all its threads, from the kernel).
//
//   bench_load whole  PORT TOKEN PID CONNECTIONS SECONDS
//   bench_load stream PORT TOKEN PID STREAMS INTERVAL_MS SECONDS [PROBE_PORT]
//   bench_load idle   PORT TOKEN PID CONNECTIONS SECONDS
//
// For "whole", TOKEN may be @FILE with one token a line: each request is another one's, at random.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/relay/loop.hpp"

namespace {

using namespace bench;

struct Watched {
  int pid;

  /// Seconds of CPU so far; all threads, user and system. Not from /proc/PID/stat, which counts in hundredths
  /// of a second: a window of a few seconds has but some dozens of them.
  double cpu() const {
    clockid_t clock = 0;
    timespec used{};
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) return 0;
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
  }
  /// Resident memory in bytes.
  double memory() const {
    std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
    double size = 0;
    double resident = 0;
    file >> size >> resident;
    return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
  }
};

double percentile(std::vector<double>& values, double part) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1,
                         static_cast<std::size_t>(part * static_cast<double>(values.size())))];
}

std::string post(const std::string& token, const std::string& body) {
  return "POST /v1/chat/completions HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer " + token +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

/// A connection that sends what it is told and hands on what comes.
class Peer : public std::enable_shared_from_this<Peer> {
 public:
  std::function<void(std::string& bytes)> on_bytes;
  std::function<void()> on_end;

  Peer(Loop& loop, int port) : loop_(loop), socket_(connect_to(port)) {}

  void start(std::string request) {
    out_ = std::move(request);
    loop_.watch(socket_, EPOLLOUT,
                [self = shared_from_this()](std::uint32_t events) { self->ready(events); });
  }
  void send(const std::string& request) {
    if (::send(socket_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
      end();
  }
  void end() {
    if (socket_ < 0) return;
    loop_.forget(socket_);
    ::close(std::exchange(socket_, -1));
    on_bytes = nullptr;
    if (const auto call = std::exchange(on_end, nullptr)) call();
  }

 private:
  void ready(std::uint32_t events) {
    if (!out_.empty() && events & EPOLLOUT) {
      send(std::exchange(out_, {}));
      if (socket_ >= 0) loop_.change(socket_, EPOLLIN);
      return;
    }
    char buffer[65536];
    const ssize_t count = ::recv(socket_, buffer, sizeof buffer, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) return end();
    in_.append(buffer, static_cast<std::size_t>(count));
    if (on_bytes) on_bytes(in_);
  }

  Loop& loop_;
  int socket_;
  std::string out_;
  std::string in_;
};

/// The token, or those of the file that is named behind an @.
std::vector<std::string> tokens_of(const std::string& token) {
  if (token.empty() || token.front() != '@') return {token};
  std::ifstream file(token.substr(1));
  std::vector<std::string> tokens;
  for (std::string line; std::getline(file, line);) tokens.push_back(line);
  return tokens;
}

int whole(int port, const std::string& token, Watched watched, int connections, double seconds) {
  Loop loop;
  const std::vector<std::string> tokens = tokens_of(token);
  std::mt19937_64 random(1);
  const auto request = [&] {
    return post(tokens[random() % tokens.size()],
                R"({"model":"auto","messages":[{"role":"user","content":"Say something of some length."}]})");
  };
  std::vector<double> answer_ms;
  std::vector<std::int64_t> asked(static_cast<std::size_t>(connections));
  std::int64_t answers = 0;
  std::int64_t errors = 0;
  bool counting = false;
  std::vector<std::shared_ptr<Peer>> peers;
  for (int i = 0; i < connections; ++i) {
    const auto peer = std::make_shared<Peer>(loop, port);
    peer->on_bytes = [&, i, peer = peer.get()](std::string& bytes) {
      std::int64_t& since = asked[static_cast<std::size_t>(i)];
      while (const std::size_t size = message_size(bytes)) {
        if (counting) answer_ms.push_back(static_cast<double>(now_ns() - since) / 1e6);
        if (bytes.compare(0, 12, "HTTP/1.1 200") == 0) {
          answers += counting ? 1 : 0;
        } else {
          if (errors++ == 0) std::fprintf(stderr, "%s\n", bytes.substr(0, size).c_str());
        }
        bytes.erase(0, size);
        since = now_ns();
        peer->send(request());
      }
    };
    peer->on_end = [&] { ++errors; };
    peer->start(request());
    peers.push_back(peer);
  }
  double cpu = 0;
  std::int64_t began = 0;
  const std::int64_t start = now_ns();
  loop.at(start + 1'000'000'000, [&] {
    counting = true;
    began = now_ns();
    cpu = watched.cpu();
  });
  loop.at(start + 1'000'000'000 + static_cast<std::int64_t>(seconds * 1e9), [&] {
    const double time = static_cast<double>(now_ns() - began) / 1e9;
    const double used = watched.cpu() - cpu;
    std::printf("{\"per_second\":%.0f,\"cpu_us\":%.1f,\"errors\":%ld,\"p50_ms\":%.2f,\"p99_ms\":%.2f}\n",
                static_cast<double>(answers) / time,
                used / static_cast<double>(std::max<std::int64_t>(answers, 1)) * 1e6,
                static_cast<long>(errors), percentile(answer_ms, 0.5), percentile(answer_ms, 0.99));
    loop.stop();
  });
  loop.run();
  for (const auto& peer : peers) peer->on_end = nullptr;
  return 0;
}

int stream(int port, const std::string& token, Watched watched, int streams, int interval_ms, double seconds,
           int probe_port) {
  Loop loop;
  // Opened over two seconds; then the window, in which all are open; then they end by themselves.
  const double opening_s = 2.0;
  const auto events = static_cast<int>((opening_s + seconds + 1.5) * 1000 / interval_ms);
  const std::string request = post(
      token, R"({"model":"auto","messages":[{"role":"user","content":"x"}],"stream":true,"bench_events":)" +
                 std::to_string(events) + ",\"bench_interval_ms\":" + std::to_string(interval_ms) + "}");
  std::int64_t seen = 0;
  int done = 0;
  int broken = 0;
  int open = 0;
  std::vector<double> first_ms;
  std::vector<std::shared_ptr<Peer>> peers;
  const double memory_before = watched.memory();
  const std::int64_t start = now_ns();
  const auto finished = [&] { return done + broken == streams; };

  for (int i = 0; i < streams; ++i) {
    loop.at(start + static_cast<std::int64_t>(opening_s * 1e9 * i / streams), [&] {
      const auto peer = std::make_shared<Peer>(loop, port);
      const std::int64_t asked = now_ns();
      auto first = std::make_shared<bool>(true);
      peer->on_bytes = [&, asked, first, peer = peer.get()](std::string& bytes) {
        // Events are counted as they pass; what may be the begin of one is kept.
        std::size_t at = 0;
        for (std::size_t found; (found = bytes.find("data: ", at)) != std::string::npos; at = found + 6) {
          if (bytes.size() < found + 12) break;
          ++seen;
          if (std::exchange(*first, false)) {
            ++open;
            first_ms.push_back(static_cast<double>(now_ns() - asked) / 1e6);
          }
          if (bytes.compare(found + 6, 6, "[DONE]") == 0) {
            ++done;
            peer->on_end = nullptr;
            peer->end();
            if (finished()) loop.stop();
            return;
          }
        }
        const std::size_t kept = bytes.find("data: ", at);
        bytes.erase(
            0, kept != std::string::npos ? kept : bytes.size() - std::min<std::size_t>(bytes.size() - at, 5));
      };
      peer->on_end = [&] {
        ++broken;
        if (finished()) loop.stop();
      };
      peer->start(request);
      peers.push_back(peer);
    });
  }

  std::vector<double> probe_ms;
  std::function<void()> probe;
  if (probe_port > 0) {
    probe = [&] {
      const auto peer = std::make_shared<Peer>(loop, probe_port);
      const std::int64_t asked = now_ns();
      peer->on_bytes = [&, asked, peer = peer.get()](std::string& bytes) {
        if (message_size(bytes) == 0) return;
        probe_ms.push_back(static_cast<double>(now_ns() - asked) / 1e6);
        peer->on_end = nullptr;
        peer->end();
      };
      peer->start("GET /healthz HTTP/1.1\r\nHost: bench\r\n\r\n");
      loop.at(now_ns() + 100'000'000, probe);
    };
    loop.at(start, probe);
  }

  double cpu = 0;
  double used = 0;
  double memory = 0;
  std::int64_t before = 0;
  std::int64_t counted = 0;
  int open_in_window = 0;
  loop.at(start + static_cast<std::int64_t>((opening_s + 0.3) * 1e9), [&] {
    cpu = watched.cpu();
    before = seen;
    open_in_window = open;
  });
  loop.at(start + static_cast<std::int64_t>((opening_s + 0.3 + seconds) * 1e9), [&] {
    used = watched.cpu() - cpu;
    counted = seen - before;
    memory = watched.memory();
  });
  loop.at(start + static_cast<std::int64_t>((opening_s + seconds + 20) * 1e9), [&] { loop.stop(); });
  loop.run();

  std::printf(
      "{\"cpu_us\":%.1f,\"events\":%ld,\"expected\":%.0f,\"open\":%d,\"done\":%d,\"broken\":%d,\"first_p50_"
      "ms\":%.2f,"
      "\"first_p99_ms\":%.2f,\"memory_kib\":%.1f,\"probes\":%zu,\"probe_max_ms\":%.2f}\n",
      used / static_cast<double>(std::max<std::int64_t>(counted, 1)) * 1e6, static_cast<long>(counted),
      streams * seconds * 1000 / interval_ms, open_in_window, done, streams - done, percentile(first_ms, 0.5),
      percentile(first_ms, 0.99), (memory - memory_before) / streams / 1024, probe_ms.size(),
      percentile(probe_ms, 1.0));
  return 0;
}

int idle(int port, const std::string& token, Watched watched, int connections, double seconds) {
  Loop loop;
  int answered = 0;
  std::vector<std::shared_ptr<Peer>> peers;
  const std::string request =
      "GET /healthz HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer " + token + "\r\n\r\n";
  for (int i = 0; i < connections; ++i) {
    const auto peer = std::make_shared<Peer>(loop, port);
    peer->on_bytes = [&](std::string& bytes) {
      if (message_size(bytes) == 0) return;
      bytes.clear();
      ++answered;
    };
    peer->start(request);
    peers.push_back(peer);
  }
  double cpu = 0;
  const std::int64_t start = now_ns();
  loop.at(start + 2'000'000'000, [&] { cpu = watched.cpu(); });
  loop.at(start + 2'000'000'000 + static_cast<std::int64_t>(seconds * 1e9), [&] {
    std::printf("{\"cores\":%.4f,\"answered\":%d}\n", (watched.cpu() - cpu) / seconds, answered);
    loop.stop();
  });
  loop.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 7) {
    std::fprintf(stderr, "usage: bench_load whole|stream|idle PORT TOKEN PID …; see the source\n");
    return 2;
  }
  const std::string mode = argv[1];
  const int port = std::atoi(argv[2]);
  const std::string token = argv[3];
  const Watched watched{std::atoi(argv[4])};
  const int count = std::atoi(argv[5]);
  if (mode == "whole") return whole(port, token, watched, count, std::atof(argv[6]));
  if (mode == "idle") return idle(port, token, watched, count, std::atof(argv[6]));
  if (argc < 8) return 2;
  return stream(port, token, watched, count, std::atoi(argv[6]), std::atof(argv[7]),
                argc > 8 ? std::atoi(argv[8]) : 0);
}
