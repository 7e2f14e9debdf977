// SPDX-License-Identifier: MIT
#include "server/http/request_framing.hpp"

#include <ostream>
#include <string>
#include <vector>

#include "tests/catch.hpp"

using opencat::http::FramingLimits;
using opencat::http::RequestFraming;
using State = RequestFraming::State;

namespace {

struct Outcome {
  State state = State::more;
  std::size_t size = 0;
  int status = 0;
  bool operator==(const Outcome&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
    return out << "{state " << int(outcome.state) << ", size " << outcome.size << ", status "
               << outcome.status << "}";
  }
};

/// Shows what has arrived at each of these moments, until there is an answer.
Outcome look_at_each(const std::string& text, const std::vector<std::size_t>& arrived, FramingLimits limits) {
  RequestFraming framing(limits);
  for (const std::size_t count : arrived) {
    const State state = framing.look(std::string_view(text).substr(0, count));
    if (state == State::whole) return {state, framing.size(), 0};
    if (state == State::refused) return {state, 0, framing.status()};
  }
  return {};
}

/// What comes of `text`, having checked that neither one cut at any place nor all of them change it.
Outcome outcome(const std::string& text, FramingLimits limits = {}) {
  const Outcome whole = look_at_each(text, {text.size()}, limits);
  std::vector<std::size_t> every_byte;
  for (std::size_t cut = 1; cut <= text.size(); ++cut) {
    every_byte.push_back(cut);
    CAPTURE(cut);
    REQUIRE(look_at_each(text, {cut, text.size()}, limits) == whole);
  }
  CHECK(look_at_each(text, every_byte, limits) == whole);
  return whole;
}

const Outcome unfinished{};
Outcome request_of(std::size_t size) { return {State::whole, size, 0}; }
Outcome refused(int status) { return {State::refused, 0, status}; }

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string post = "POST / HTTP/1.1\r\n";
const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";

/// A POST with these header lines and the body "12345".
Outcome with_headers(const std::string& lines) { return outcome(post + lines + "\r\n12345"); }

}  // namespace

TEST_CASE("RequestFraming finds the end of a request without a body, and leaves the next one") {
  CHECK(outcome(get) == request_of(get.size()));
  CHECK(outcome(get + get) == request_of(get.size()));
  CHECK(outcome("GET / HTTP/1.1\r\n\r\n") == request_of(18));
  CHECK(outcome(get.substr(0, get.size() - 1)) == unfinished);
}

TEST_CASE("RequestFraming waits for as many bytes as Content-Length says") {
  const std::string head = post + "Content-Length: 5\r\n\r\n";
  CHECK(outcome(head + "1234") == unfinished);
  CHECK(outcome(head + "12345") == request_of(head.size() + 5));
  CHECK(outcome(head + "12345GET") == request_of(head.size() + 5));
  CHECK(outcome(post + "cOnTeNt-LeNgTh:5\t\r\n\r\n12345").state == State::whole);
}

TEST_CASE("RequestFraming reads chunks, their extensions and trailers") {
  for (const std::string body :
       {"0\r\n\r\n", "5\r\nab\r\nc\r\n0\r\n\r\n", "1\r\na\r\nA\r\n0123456789\r\n000\r\n\r\n",
        "2 ;name=\"a b\"\r\nab\r\n0;last\r\n\r\n", "1\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\n"}) {
    CAPTURE(body);
    const std::string request = chunked + body;
    CHECK(outcome(request) == request_of(request.size()));
    CHECK(outcome(request + get) == request_of(request.size()));
    CHECK(outcome(request.substr(0, request.size() - 1)) == unfinished);
  }
}

TEST_CASE("RequestFraming refuses two lengths that could be read differently") {
  CHECK(with_headers("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") == refused(400));
  CHECK(with_headers("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") == refused(400));
  CHECK(with_headers("Content-Length: 5\r\nContent-Length: 5\r\n") == refused(400));
  CHECK(with_headers("Content-Length: 5\r\ncontent-length: 0\r\n") == refused(400));
}

TEST_CASE("RequestFraming refuses a length that is no plain number") {
  for (const std::string value :
       {"", "+5", "-5", "0x5", "5, 5", "5;", "5 5", "five", "5.0", "99999999999999999999"}) {
    CAPTURE(value);
    CHECK(with_headers("Content-Length: " + value + "\r\n") == refused(400));
  }
}

TEST_CASE("RequestFraming refuses transfer codings that it cannot undo") {
  for (const std::string value :
       {"gzip, chunked", "chunked, identity", "identity", "", "chunked;a=b", "xchunked"}) {
    CAPTURE(value);
    CHECK(with_headers("Transfer-Encoding: " + value + "\r\n") == refused(501));
  }
  CHECK(with_headers("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") == refused(501));
}

TEST_CASE("RequestFraming refuses header lines on which servers differ") {
  for (const std::string lines :
       {"Content-Length : 5\r\n", "Content-Length\t: 5\r\n", "A: b\r\n Content-Length: 5\r\n",
        "A: b\r\n\tfolded\r\n", " Content-Length: 5\r\n", ": 5\r\n", "no colon\r\n", "nocolon\r\n",
        "A: b\nContent-Length: 5\r\n", "A: b\rContent-Length: 5\r\n", "Content-Length: 5\r\r\n",
        "Content-Length\v: 5\r\n", "Content-Length\x80: 5\r\n", "Trans\"fer: 5\r\n"}) {
    CAPTURE(lines);
    CHECK(with_headers(lines) == refused(400));
  }
  CHECK(with_headers(std::string("A: b\0c\r\n", 8)) == refused(400));
  CHECK(with_headers(std::string("A\0: c\r\n", 7)) == refused(400));
}

TEST_CASE("RequestFraming refuses a request line that hides a header line") {
  CHECK(outcome("POST / HTTP/1.1\nContent-Length: 5\r\n\r\n12345") == refused(400));
  CHECK(outcome("POST / HTTP/1.1\rContent-Length: 5\r\n\r\n12345") == refused(400));
  CHECK(outcome(std::string("GET /\0 HTTP/1.1\r\n\r\n", 19)) == refused(400));
}

TEST_CASE("RequestFraming refuses a head with bare line feeds") {
  CHECK(outcome("GET / HTTP/1.1\nHost: a\n\n") == refused(400));
}

TEST_CASE("RequestFraming refuses chunks that servers read differently") {
  for (const std::string body :
       {"\r\n", "0x2\r\nab\r\n", "-1\r\n", "+1\r\na\r\n", "g\r\n", ";a\r\n", "2\nab\r\n0\r\n\r\n",
        "2\r\nabc\r\n", "2\r\nab\n0\r\n\r\n", "2;a\nb\r\nab\r\n", "2;a\rb\r\nab\r\n",
        "0\r\nA: b\nC: d\r\n\r\n", "ffffffffffffffffff\r\n"}) {
    CAPTURE(body);
    CHECK(outcome(chunked + body) == refused(400));
  }
}

TEST_CASE("RequestFraming refuses a head over its limit, and takes one that just fits") {
  const auto head_of = [](std::size_t size) {
    const std::string begin = "GET / HTTP/1.1\r\nA: ";
    return begin + std::string(size - begin.size() - 4, 'x') + "\r\n\r\n";
  };
  CHECK(outcome(head_of(100), {100, 10}) == request_of(100));
  CHECK(outcome(head_of(101), {100, 10}) == refused(431));
  CHECK(outcome(head_of(101).substr(0, 100), {100, 10}) == unfinished);
}

TEST_CASE("RequestFraming refuses a body over its limit as soon as its size is known") {
  const FramingLimits limits{1000, 10};
  CHECK(outcome(post + "Content-Length: 10\r\n\r\n0123456789", limits).state == State::whole);
  CHECK(outcome(post + "Content-Length: 11\r\n\r\n", limits) == refused(413));
  CHECK(outcome(chunked + "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n", limits).state == State::whole);
  CHECK(outcome(chunked + "5\r\n01234\r\n6\r\n", limits) == refused(413));
  CHECK(outcome(chunked + "ffffffffffffffff\r\n", limits) == refused(413));
}

TEST_CASE("RequestFraming bounds what is not body: size lines, extensions, trailers") {
  const FramingLimits limits{1000, 100'000};
  const std::string wide(300, 'x');
  CHECK(outcome(chunked + "1;" + wide + "\r\na\r\n", limits) == refused(400));
  CHECK(outcome(chunked + "0\r\nA: " + wide + "\r\n\r\n", limits) == refused(400));
  std::string trailers;
  for (int i = 0; i < 100; ++i) trailers += "A: 0123456789\r\n";
  CHECK(outcome(chunked + "0\r\n" + trailers, limits) == refused(400));
  std::string padded;
  for (int i = 0; i < 100; ++i) padded += "1;" + std::string(200, 'x') + "\r\na\r\n";
  CHECK(outcome(chunked + padded, limits) == refused(400));
  // Small pieces alone are no attack.
  std::string small;
  for (int i = 0; i < 1000; ++i) small += "1\r\na\r\n";
  RequestFraming framing(limits);
  CHECK(framing.look(chunked + small + "0\r\n\r\n") == State::whole);
}

TEST_CASE("RequestFraming asks for the body once when the client waits for 100 Continue") {
  const std::string head = post + "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n";
  RequestFraming framing({});
  CHECK(framing.look(head.substr(0, head.size() - 1)) == State::more);
  CHECK_FALSE(framing.in_body());
  CHECK(framing.look(head) == State::continue_wanted);
  CHECK(framing.in_body());
  CHECK(framing.look(head) == State::more);
  CHECK(framing.look(head + "12345") == State::whole);

  // A client that sent its body without waiting needs no answer first.
  framing.reset();
  CHECK(framing.look(head + "1") == State::more);
}

TEST_CASE("RequestFraming forgets a request at reset") {
  RequestFraming framing({});
  CHECK(framing.look(chunked + "1\r\na\r\n0\r\n\r\n") == State::whole);
  framing.reset();
  CHECK_FALSE(framing.in_body());
  CHECK(framing.look(get) == State::whole);
  CHECK(framing.size() == get.size());
}
