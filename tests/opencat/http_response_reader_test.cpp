// SPDX-License-Identifier: MIT
#include "opencat/http_response_reader.hpp"

#include <string>
#include <vector>

#include "tests/catch.hpp"
#include "tests/opencat/read_answer.hpp"

using namespace opencat;

namespace {

using Answer = ReadAnswer;

/// Reads `bytes` in pieces of `size`; `closed`: the peer closes then.
Answer read(const std::string& bytes, std::size_t size, bool closed = false) {
  HttpResponseReader reader;
  std::string all;
  for (std::size_t at = 0; at < bytes.size(); at += size) {
    std::string piece = bytes.substr(at, size);
    all += reader.feed(piece.data(), piece.size());
  }
  if (closed) reader.end_of_input();
  return read_answer(reader, std::move(all));
}

/// The same for every cut, or the test fails.
Answer read_anyhow(const std::string& bytes, bool closed = false) {
  Answer whole = read(bytes, bytes.size(), closed);
  for (const std::size_t size : {1, 2, 3, 7}) {
    CAPTURE(size);
    CHECK(read(bytes, size, closed) == whole);
  }
  return whole;
}

}  // namespace

TEST_CASE("a body of a told length ends there, and the connection serves on") {
  const Answer answer = read_anyhow("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Odd:  a \t\r\n\r\nhello");
  CHECK(answer.status == 200);
  CHECK(answer.body == "hello");
  CHECK(answer.complete);
  CHECK(answer.reusable);
  CHECK(*find_header(answer.headers, "x-odd") == "a");
}

TEST_CASE("chunks are joined, and their extensions and trailers are no part of the body") {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const Answer answer =
      read_anyhow(head + "5;name=\"x\"\r\nhello\r\n1\r\n,\r\n00A\r\n the world\r\n0\r\nX-Late: 1\r\n\r\n");
  CHECK(answer.body == "hello, the world");
  CHECK(answer.reusable);
  CHECK(find_header(answer.headers, "x-late") == nullptr);
  // Some write line feeds alone.
  CHECK(read_anyhow("HTTP/1.1 200 OK\nTransfer-Encoding: Chunked\n\n2\nab\n0\n\n").body == "ab");
}

TEST_CASE("several chunks in one piece come out as one") {
  HttpResponseReader reader;
  std::string piece = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n1\r\nd\r\n";
  CHECK(reader.feed(piece.data(), piece.size()) == "abcd");
  CHECK_FALSE(reader.complete());
}

TEST_CASE("a body without a length ends with its connection") {
  const std::string bytes = "HTTP/1.1 200 OK\r\n\r\nall of it";
  CHECK_FALSE(read_anyhow(bytes).complete);
  const Answer answer = read_anyhow(bytes, true);
  CHECK(answer.body == "all of it");
  CHECK(answer.complete);
  CHECK_FALSE(answer.reusable);
}

TEST_CASE("an answer that is cut short is a failure") {
  for (const char* bytes : {"", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"}) {
    CAPTURE(bytes);
    const Answer answer = read_anyhow(bytes, true);
    CHECK_FALSE(answer.complete);
    CHECK(answer.failure == "the connection was closed in the middle");
  }
}

TEST_CASE("interim answers are passed over, and some final ones have no body") {
  const Answer answer = read_anyhow(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204\r\n\r\n");
  CHECK(answer.status == 204);
  CHECK(answer.complete);
  CHECK(answer.headers.empty());
  CHECK(read_anyhow("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n").reusable);
}

TEST_CASE("a connection serves on only where both sides want it and nothing is left on it") {
  const auto reusable = [](const std::string& first_lines, const std::string& more = "") {
    return read_anyhow(first_lines + "\r\nContent-Length: 1\r\n\r\nx" + more).reusable;
  };
  CHECK(reusable("HTTP/1.1 200 OK"));
  CHECK(reusable("HTTP/1.0 200 OK\r\nConnection: Keep-Alive"));
  CHECK_FALSE(reusable("HTTP/1.0 200 OK"));
  CHECK_FALSE(reusable("HTTP/1.1 200 OK\r\nConnection: foo, Close"));
  CHECK_FALSE(reusable("HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r\n\r\n"));
  // Somebody between might have read the other length.
  CHECK_FALSE(
      read_anyhow("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
          .reusable);
}

TEST_CASE("what is no HTTP/1.1 answer is told as soon as that is seen") {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const std::string chunks = ok + "Transfer-Encoding: chunked\r\n\r\n";
  for (const auto& [bytes, why] : std::vector<std::pair<std::string, std::string>>{
           {"SSH-2.0-OpenSSH_9.2\r\n", "no HTTP"},
           {"\x15\x03\x01", "no HTTP"},
           {"HTTP/2 200\r\n\r\n", "no HTTP"},
           {"HTTP/1.1 2x0 OK\r\n\r\n", "no HTTP"},
           {"HTTP/1.1 99 OK\r\n\r\n", "no HTTP"},
           {"HTTP/1.1 101 Switching Protocols\r\n\r\n", "another protocol"},
           {ok + "Content-Length: 5, 6\r\n\r\n", "length is no number"},
           {ok + "Content-Length: -1\r\n\r\n", "length is no number"},
           {ok + "Content-Length: 99999999999999999999\r\n\r\n", "length is no number"},
           {ok + "Transfer-Encoding: gzip, chunked\r\n\r\n", "coding is unknown"},
           {chunks + "x\r\n", "size is no number"},
           {chunks + "\r\n", "size is no number"},
           {chunks + "11111111111111111\r\n", "size is no number"},
           {chunks + "1\r\nab", "longer than it said"},
       }) {
    CAPTURE(bytes);
    const Answer answer = read_anyhow(bytes + "\r\n");
    CHECK_FALSE(answer.complete);
    CHECK(answer.failure.find(why) != std::string::npos);
  }
}

TEST_CASE("an endless head, size line or trailer is given up") {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const std::string chunks = ok + "Transfer-Encoding: chunked\r\n\r\n";
  std::string trailers;
  for (int i = 0; i < 100'000; ++i) trailers += "a: b\r\n";
  CHECK(read(ok + std::string(300'000, 'a'), 4096).failure == "its head is too long");
  CHECK(read(ok + trailers, 4096).failure == "its head is too long");
  CHECK(read(chunks + "1;" + std::string(20'000, 'a'), 4096).failure == "a line of it is too long");
  CHECK(read(chunks + "0\r\n" + trailers, 4096).failure == "a line of it is too long");
}

TEST_CASE("a header that goes on in the next line is one") {
  const Answer answer = read_anyhow("HTTP/1.1 200 OK\r\nX-Long: a\r\n  b\r\nContent-Length: 0\r\n\r\n");
  CHECK(*find_header(answer.headers, "x-long") == "a b");
  CHECK(answer.complete);
}
