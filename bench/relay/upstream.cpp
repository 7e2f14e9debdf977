// SPDX-License-Identifier: MIT
// A model server for benchmarks: answers POST /v1/chat/completions whole, or as a stream with as many events,
// as often, as the request's "bench_events" and "bench_interval_ms" say. Prints its port.
#include <cstdio>
#include <memory>
#include <string>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/relay/loop.hpp"

namespace {

using namespace bench;

const std::string answer_body =
    R"({"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"bench","choices":[{"index":0,)"
    R"("message":{"role":"assistant","content":"The quick brown fox jumps over the lazy dog, and then it does it )"
    R"(again, for an answer of some length is wanted here; a few hundred bytes are about what a short answer has."},)"
    R"("finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":42,"total_tokens":53}})";

const std::string whole_answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                                 std::to_string(answer_body.size()) + "\r\n\r\n" + answer_body;

std::string chunk(const std::string& text) {
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return size + text + "\r\n";
}

/// An event of about 200 bytes, as OpenAI's are.
const std::string event_chunk = chunk(
    R"(data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench",)"
    R"("choices":[{"index":0,"delta":{"content":"word "},"finish_reason":null}]})"
    "\n\n");
const std::string last_chunks =
    chunk(
        R"(data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":11,"completion_tokens":42}})"
        "\n\n") +
    chunk("data: [DONE]\n\n") + "0\r\n\r\n";

class Client : public std::enable_shared_from_this<Client> {
 public:
  Client(Loop& loop, int socket) : loop_(loop), socket_(socket) {}

  void start() {
    loop_.watch(socket_, EPOLLIN, [self = shared_from_this()](std::uint32_t) { self->read(); });
  }

 private:
  void read() {
    char buffer[16384];
    const ssize_t count = ::recv(socket_, buffer, sizeof buffer, 0);
    if (count < 0) return;
    if (count == 0) return end();
    in_.append(buffer, static_cast<std::size_t>(count));
    while (const std::size_t size = message_size(in_)) {
      const std::string request = in_.substr(0, size);
      in_.erase(0, size);
      answer(request);
    }
  }

  void answer(const std::string& request) {
    if (request.find("\"stream\":true") == std::string::npos) return write(whole_answer);
    left_ = number_of(request, "bench_events", 10);
    interval_ns_ = number_of(request, "bench_interval_ms", 20) * 1'000'000;
    write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" +
          event_chunk);
    next_at_ = now_ns();
    schedule();
  }

  void schedule() {
    next_at_ += interval_ns_;
    loop_.at(next_at_, [self = shared_from_this()] {
      if (self->socket_ < 0) return;
      if (--self->left_ <= 0) return self->write(last_chunks);
      self->write(event_chunk);
      self->schedule();
    });
  }

  /// What the other side does not take at once is too slow for a benchmark: it shows as a broken stream.
  void write(const std::string& bytes) {
    if (socket_ < 0) return;
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(bytes.size())) end();
  }

  void end() {
    if (socket_ < 0) return;
    loop_.forget(socket_);
    ::close(std::exchange(socket_, -1));
  }

  Loop& loop_;
  int socket_;
  std::string in_;
  std::int64_t left_ = 0;
  std::int64_t interval_ns_ = 0;
  std::int64_t next_at_ = 0;
};

}  // namespace

int main() {
  Loop loop;
  const auto [listener, port] = listen_anywhere();
  std::printf("%d\n", port);
  std::fflush(stdout);
  loop.watch(listener, EPOLLIN, [&loop, listener = listener](std::uint32_t) {
    for (int socket; (socket = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      no_delay(socket);
      std::make_shared<Client>(loop, socket)->start();
    }
  });
  loop.run();
}
