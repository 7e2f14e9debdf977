// SPDX-License-Identifier: MIT
#include "server/http/request_framing.hpp"

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "tests/catch.hpp"

using opencat::http::BodyFraming;
using opencat::http::FramingLimits;
using opencat::http::HeadFraming;

namespace {

enum class State { more, whole, refused };

struct Outcome {
  State state = State::more;
  std::size_t size = 0;
  int status = 0;
  std::string body = {};
  bool operator==(const Outcome&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
    return out << "{state " << int(outcome.state) << ", size " << outcome.size << ", status "
               << outcome.status << ", body '" << outcome.body << "'}";
  }
};

/// Shows what has arrived at each of these moments, as a connection does, until there is an answer.
Outcome look_at_each(const std::string& text, const std::vector<std::size_t>& arrived, FramingLimits limits) {
  HeadFraming head(limits.max_head_bytes);
  std::unique_ptr<BodyFraming> body;
  std::size_t used = 0;
  std::string taken;
  for (const std::size_t count : arrived) {
    const std::string_view so_far = std::string_view(text).substr(0, count);
    if (!body) {
      const HeadFraming::State state = head.look(so_far);
      if (state == HeadFraming::State::refused) return {State::refused, 0, head.status()};
      if (state == HeadFraming::State::more) continue;
      body = std::make_unique<BodyFraming>(head.body(), limits.max_body_bytes);
      used = head.size();
    }
    while (true) {
      const BodyFraming::Step step = body->next(so_far.substr(used));
      used += step.consumed;
      taken += step.piece;
      if (step.state == BodyFraming::State::refused) return {State::refused, 0, body->status()};
      if (step.state == BodyFraming::State::whole) return {State::whole, used, 0, taken};
      if (step.state == BodyFraming::State::more) break;
    }
  }
  return {};
}

/// What comes of `text`, having checked that neither one cut at any place nor all of them change it.
Outcome outcome(const std::string& text, FramingLimits limits = {}) {
  Outcome whole = look_at_each(text, {text.size()}, limits);
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
Outcome request_of(std::size_t size, std::string body = {}) {
  return {State::whole, size, 0, std::move(body)};
}
Outcome refused(int status) { return {State::refused, 0, status}; }

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string post = "POST / HTTP/1.1\r\n";
const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";

/// A POST with these header lines and the body "12345".
Outcome with_headers(const std::string& lines) { return outcome(post + lines + "\r\n12345"); }

}  // namespace

TEST_CASE("Framing finds the end of a request without a body, and leaves the next one") {
  CHECK(outcome(get) == request_of(get.size()));
  CHECK(outcome(get + get) == request_of(get.size()));
  CHECK(outcome("GET / HTTP/1.1\r\n\r\n") == request_of(18));
  CHECK(outcome(get.substr(0, get.size() - 1)) == unfinished);
}

TEST_CASE("Framing waits for as many bytes as Content-Length says") {
  const std::string head = post + "Content-Length: 5\r\n\r\n";
  CHECK(outcome(head + "1234") == unfinished);
  CHECK(outcome(head + "12345") == request_of(head.size() + 5, "12345"));
  CHECK(outcome(head + "12345GET") == request_of(head.size() + 5, "12345"));
  CHECK(outcome(post + "cOnTeNt-LeNgTh:5\t\r\n\r\n12345").state == State::whole);
}

TEST_CASE("Framing reads chunks, their extensions and trailers") {
  for (const auto& [body, inside] : std::vector<std::pair<std::string, std::string>>{
           {"0\r\n\r\n", ""},
           {"5\r\nab\r\nc\r\n0\r\n\r\n", "ab\r\nc"},
           {"1\r\na\r\nA\r\n0123456789\r\n000\r\n\r\n", "a0123456789"},
           {"2 ;name=\"a b\"\r\nab\r\n0;last\r\n\r\n", "ab"},
           {"1\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\n", "a"}}) {
    CAPTURE(body);
    const std::string request = chunked + body;
    CHECK(outcome(request) == request_of(request.size(), inside));
    CHECK(outcome(request + get) == request_of(request.size(), inside));
    CHECK(outcome(request.substr(0, request.size() - 1)) == unfinished);
  }
}

TEST_CASE("Framing refuses two lengths that could be read differently") {
  CHECK(with_headers("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") == refused(400));
  CHECK(with_headers("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") == refused(400));
  CHECK(with_headers("Content-Length: 5\r\nContent-Length: 5\r\n") == refused(400));
  CHECK(with_headers("Content-Length: 5\r\ncontent-length: 0\r\n") == refused(400));
}

TEST_CASE("Framing refuses a length that is no plain number") {
  for (const std::string value :
       {"", "+5", "-5", "0x5", "5, 5", "5;", "5 5", "five", "5.0", "99999999999999999999"}) {
    CAPTURE(value);
    CHECK(with_headers("Content-Length: " + value + "\r\n") == refused(400));
  }
}

TEST_CASE("Framing refuses transfer codings that it cannot undo") {
  for (const std::string value :
       {"gzip, chunked", "chunked, identity", "identity", "", "chunked;a=b", "xchunked"}) {
    CAPTURE(value);
    CHECK(with_headers("Transfer-Encoding: " + value + "\r\n") == refused(501));
  }
  CHECK(with_headers("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") == refused(501));
}

TEST_CASE("Framing refuses header lines on which servers differ") {
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

TEST_CASE("Framing refuses a request line that hides a header line") {
  CHECK(outcome("POST / HTTP/1.1\nContent-Length: 5\r\n\r\n12345") == refused(400));
  CHECK(outcome("POST / HTTP/1.1\rContent-Length: 5\r\n\r\n12345") == refused(400));
  CHECK(outcome(std::string("GET /\0 HTTP/1.1\r\n\r\n", 19)) == refused(400));
}

TEST_CASE("Framing refuses a head with bare line feeds") {
  CHECK(outcome("GET / HTTP/1.1\nHost: a\n\n") == refused(400));
}

TEST_CASE("Framing refuses chunks that servers read differently") {
  for (const std::string body :
       {"\r\n", "0x2\r\nab\r\n", "-1\r\n", "+1\r\na\r\n", "g\r\n", ";a\r\n", "2\nab\r\n0\r\n\r\n",
        "2\r\nabc\r\n", "2\r\nab\n0\r\n\r\n", "2;a\nb\r\nab\r\n", "2;a\rb\r\nab\r\n",
        "0\r\nA: b\nC: d\r\n\r\n", "ffffffffffffffffff\r\n"}) {
    CAPTURE(body);
    CHECK(outcome(chunked + body) == refused(400));
  }
}

TEST_CASE("Framing refuses a head over its limit, and takes one that just fits") {
  const auto head_of = [](std::size_t size) {
    const std::string begin = "GET / HTTP/1.1\r\nA: ";
    return begin + std::string(size - begin.size() - 4, 'x') + "\r\n\r\n";
  };
  CHECK(outcome(head_of(100), {100, 10}) == request_of(100));
  CHECK(outcome(head_of(101), {100, 10}) == refused(431));
  CHECK(outcome(head_of(101).substr(0, 100), {100, 10}) == unfinished);
}

TEST_CASE("Framing refuses a body over its limit as soon as its size is known") {
  const FramingLimits limits{1000, 10};
  CHECK(outcome(post + "Content-Length: 10\r\n\r\n0123456789", limits).state == State::whole);
  CHECK(outcome(post + "Content-Length: 11\r\n\r\n", limits) == refused(413));
  CHECK(outcome(chunked + "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n", limits).state == State::whole);
  CHECK(outcome(chunked + "5\r\n01234\r\n6\r\n", limits) == refused(413));
  CHECK(outcome(chunked + "ffffffffffffffff\r\n", limits) == refused(413));
}

TEST_CASE("Framing bounds what is not body: size lines, extensions, trailers") {
  const FramingLimits limits{1000, 100'000};
  const std::string wide(300, 'x');
  CHECK(outcome(chunked + "1;" + wide + "\r\na\r\n", limits) == refused(400));
  CHECK(outcome(chunked + "0\r\nA: " + wide + "\r\n\r\n", limits) == refused(400));
  std::string trailers;
  for (int i = 0; i < 2500; ++i) trailers += "A: 0123456789\r\n";
  const auto at_once = [&](const std::string& text) { return look_at_each(text, {text.size()}, limits); };
  CHECK(at_once(chunked + "0\r\n" + trailers) == refused(400));
  std::string padded;
  for (int i = 0; i < 200; ++i) padded += "1;" + std::string(200, 'x') + "\r\na\r\n";
  CHECK(at_once(chunked + padded) == refused(400));
  // Small pieces alone are no attack.
  std::string small;
  for (int i = 0; i < 1000; ++i) small += "1\r\na\r\n";
  const std::string all = chunked + small + "0\r\n\r\n";
  CHECK(at_once(all) == request_of(all.size(), std::string(1000, 'a')));
}

TEST_CASE("HeadFraming tells what stands of the body in the head, and forgets it at reset") {
  const std::string head = post + "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n";
  HeadFraming framing(1000);
  CHECK(framing.look(head.substr(0, head.size() - 1)) == HeadFraming::State::more);
  CHECK(framing.look(head) == HeadFraming::State::whole);
  CHECK(framing.size() == head.size());
  CHECK(framing.body().expects_continue);
  CHECK(framing.body().length == 5);
  CHECK(framing.forwarded_for().empty());
  framing.reset();
  framing.look(post + "X-Forwarded-For: a, b\r\nHost: c\r\nx-forwarded-for:d\r\n\r\n");
  CHECK(framing.forwarded_for() == "a, b,d");
  framing.reset();
  CHECK(framing.look(get) == HeadFraming::State::whole);
  CHECK(framing.size() == get.size());
  CHECK(framing.body().empty());
  CHECK_FALSE(framing.body().expects_continue);
}
