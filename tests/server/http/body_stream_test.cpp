// SPDX-License-Identifier: MIT
// Bodies that a handler takes as they arrive.
#include <atomic>
#include <fstream>
#include <future>

#include "tests/catch.hpp"
#include "tests/server/http/fixture.hpp"

using namespace opencat;
using namespace opencat::http;
using namespace opencat::http::testing;

namespace {

Route streamed(std::function<void(const std::shared_ptr<Exchange>&)> act) {
  return {"POST", "/up", Access::anyone, LoopHandler(std::move(act)), BodyMode::streamed};
}

/// What a handler heard of a body, for a test to wait for.
struct Heard {
  std::string body;
  std::optional<std::uint64_t> length;
  std::promise<void> gone;
};

/// Answers with the body, once it is whole.
Route echo(Heard& heard) {
  return streamed([&heard](const std::shared_ptr<Exchange>& exchange) {
    heard.length = exchange->body_length();
    heard.body.clear();
    exchange->on_gone = [&heard] { heard.gone.set_value(); };
    exchange->read_body([&heard](std::string_view piece) { heard.body += piece; },
                        [&heard, exchange] {
                          exchange->respond({200, {}, "got " + heard.body + "."});
                        });
  });
}

const std::string head = "POST /up HTTP/1.1\r\nHost: x\r\n";
std::string counted(std::size_t length, const std::string& more = {}) {
  return head + more + "Content-Length: " + std::to_string(length) + "\r\n\r\n";
}
const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";

bool is_set(std::promise<void>& promise) {
  return promise.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready;
}

/// Resident memory of this process, in bytes.
std::size_t resident() {
  std::ifstream file("/proc/self/statm");
  std::size_t pages = 0;
  file >> pages >> pages;
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

TEST_CASE("a streamed body arrives without its framing, and the connection goes on behind it") {
  Heard heard;
  Fixture f({echo(heard)});
  Socket client(f.port);
  client.send(counted(5) + "12345");
  CHECK(client.until("got 12345.").find("Connection: close") == std::string::npos);
  CHECK(heard.length == 5);
  client.send(chunked + "2\r\nab\r\n3;x=y\r\ncde\r\n0\r\nA: b\r\n\r\n");
  CHECK(client.until("got abcde.").find("HTTP/1.1 200") == 0);
  CHECK_FALSE(heard.length.has_value());
  client.send(counted(0));
  client.until("got .");
  CHECK(heard.length == 0);
  // Two in one packet, the second of which must wait for the first.
  client.send(counted(1) + "1" + counted(1) + "2");
  CHECK(client.until("got 2.").find("got 1.") != std::string::npos);
}

TEST_CASE("a streamed body byte by byte is the same body") {
  Heard heard;
  Fixture f({echo(heard)});
  Socket client(f.port);
  for (const char byte : chunked + "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n") client.send({&byte, 1});
  CHECK(client.until("got abcde.").find("HTTP/1.1 200") == 0);
}

TEST_CASE("the handler runs when the head is there, and 100 Continue waits until it wants the body") {
  std::promise<std::shared_ptr<Exchange>> entered;
  Fixture f({streamed([&](const auto& exchange) { entered.set_value(exchange); })});
  Socket client(f.port);
  client.send(counted(2, "Expect: 100-continue\r\n"));
  auto exchange = entered.get_future().get();
  f.loop.post([exchange = std::move(exchange)] {
    exchange->read_body([](std::string_view) {}, [exchange] { exchange->respond({204}); });
  });
  CHECK(client.until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ab");
  CHECK(client.until("\r\n\r\n").find("HTTP/1.1 204") == 0);
}

TEST_CASE("an answer before the body's end goes out, and the connection ends instead of reading on") {
  Fixture f({streamed([](const auto& exchange) { exchange->respond({403, {}, "no"}); })});
  Socket client(f.port);
  client.send(counted(50'000'000) + "the beginning");
  const std::string text = client.until_closed();
  CHECK(text.find("HTTP/1.1 403") == 0);
  CHECK(text.find("Connection: close") != std::string::npos);
  CHECK(text.find("HTTP/1.1", 1) == std::string::npos);

  // One whose rest is already here costs nothing to read over.
  Socket small(f.port);
  for (int i = 0; i < 2; ++i) {
    small.send(counted(3) + "abc");
    CHECK(small.until("no").find("Connection: close") == std::string::npos);
  }
}

TEST_CASE("an answer may stream while the body still arrives") {
  Fixture f({streamed([](const std::shared_ptr<Exchange>& exchange) {
    exchange->begin({200});
    exchange->read_body([exchange](std::string_view piece) { exchange->write(piece); },
                        [exchange] { exchange->end(); });
  })});
  Socket client(f.port);
  client.send(counted(6) + "abc");
  CHECK(client.until("abc\r\n").find("Connection: close") != std::string::npos);
  client.send("def");
  CHECK(client.until_closed() == "3\r\ndef\r\n0\r\n\r\n");
}

TEST_CASE("a handler may answer from within a piece of the body") {
  Fixture f({streamed([](const std::shared_ptr<Exchange>& exchange) {
    exchange->read_body(
        [exchange](std::string_view piece) {
          exchange->respond({200, {}, "first"});
          CHECK(piece == "ab");
        },
        [] { FAIL_CHECK("its end is nobody's any more"); });
  })});
  Socket client(f.port);
  client.send(chunked + "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n");
  CHECK(client.until_closed().find("first") != std::string::npos);
}

TEST_CASE("a client that leaves inside its body is gone for the handler") {
  Heard heard;
  Fixture f({echo(heard)});
  Socket client(f.port);
  client.send(counted(10) + "123");
  client.close();
  CHECK(is_set(heard.gone));
  CHECK(f.get("/nothing").status == 404);
}

TEST_CASE("a streamed body over its bound is 413, told or counted, and over for the handler") {
  HttpServerOptions options;
  options.limits.max_body_bytes = 4;
  options.limits.max_upload_bytes = 10;
  Heard heard;
  Fixture f({echo(heard)}, options);
  Socket told(f.port);
  told.send(counted(11));
  CHECK(told.until_closed().find("HTTP/1.1 413") == 0);
  Socket within(f.port);
  within.send(counted(10) + "0123456789");
  CHECK(within.until("got 0123456789.").find("HTTP/1.1 200") == 0);
  Socket grown(f.port);
  grown.send(chunked + "a\r\n0123456789\r\n1\r\n");
  CHECK(grown.until_closed().find("HTTP/1.1 413") == 0);
  CHECK(is_set(heard.gone));
}

TEST_CASE("a streamed body whose chunks cannot be read is 400, or the end of an answer that has begun") {
  Heard heard;
  Fixture f({echo(heard),
             {"POST", "/begun", Access::anyone, on_loop([](const auto& exchange) {
                exchange->begin({200});
                exchange->read_body([exchange](std::string_view) {}, [] {});
              }),
              BodyMode::streamed}});
  Socket client(f.port);
  client.send(chunked + "2\r\nabXX");
  CHECK(client.until_closed().find("HTTP/1.1 400") == 0);
  CHECK(is_set(heard.gone));
  std::string begun = chunked;
  Socket other(f.port);
  other.send(begun.replace(begun.find("/up"), 3, "/begun") + "2\r\nabXX");
  const std::string text = other.until_closed();
  CHECK(text.find("HTTP/1.1", 1) == std::string::npos);
  CHECK(text.find("0\r\n\r\n") == std::string::npos);
}

TEST_CASE("64 MiB pass through without being held, and a reader that pauses stops the sender") {
  constexpr std::size_t size = 64 << 20;
  std::atomic<std::uint64_t> taken{0};
  std::promise<std::shared_ptr<Exchange>> entered;
  Fixture f({streamed([&](const std::shared_ptr<Exchange>& exchange) {
    exchange->read_body([&taken](std::string_view piece) { taken += piece.size(); },
                        [exchange] {
                          exchange->respond({200, {}, "whole"});
                        });
    exchange->pause_body();
    entered.set_value(exchange);
  })});
  Socket client(f.port);
  client.send(counted(size));
  auto exchange = entered.get_future().get();
  const std::string block(1 << 20, 'x');
  std::size_t sent = 0;
  [[maybe_unused]] const std::size_t before = resident();
  // What the two sockets hold is the system's own; then the sender stands.
  for (int idle = 0; idle < 20;) {
    const std::size_t count = client.send_some(block);
    sent += count;
    idle = count == 0 ? idle + 1 : 0;
    if (count == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(taken == 0);
  CHECK(sent < 16 << 20);
  f.loop.post([exchange = std::move(exchange)] { exchange->resume_body(); });
  while (sent < size) {
    const std::string_view next = std::string_view(block).substr(0, std::min(block.size(), size - sent));
    REQUIRE(client.send(next));
    sent += next.size();
  }
  CHECK(client.until("whole").find("HTTP/1.1 200") == 0);
  CHECK(taken == size);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // A sanitizer keeps what was freed.
  const std::size_t grown = std::max(resident(), before) - before;
  CHECK(grown < 4 << 20);
#endif
}

TEST_CASE("a handler that pauses at each piece gets each once") {
  Heard heard;
  Fixture f({streamed([&](const std::shared_ptr<Exchange>& exchange) {
    exchange->read_body(
        [&heard, exchange](std::string_view piece) {
          heard.body += std::string(piece) + "|";
          exchange->pause_body();
          exchange->loop().call_after(std::chrono::milliseconds(1), [exchange] { exchange->resume_body(); });
        },
        [&heard, exchange] {
          exchange->respond({200, {}, heard.body});
        });
  })});
  Socket client(f.port);
  client.send(chunked + "2\r\nab\r\n3\r\ncde\r\n1\r\nf\r\n0\r\n\r\n");
  CHECK(client.until("ab|cde|f|").find("HTTP/1.1 200") == 0);
}
