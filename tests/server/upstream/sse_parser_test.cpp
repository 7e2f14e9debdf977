// SPDX-License-Identifier: MIT
#include "server/upstream/sse_parser.hpp"

#include <string>
#include <utility>
#include <vector>

#include "opencat/error.hpp"
#include "tests/catch.hpp"

using namespace opencat;

namespace {

using Events = std::vector<std::pair<std::string, std::string>>;

Events read_in_pieces(const std::vector<std::string_view>& pieces) {
  Events events;
  SseParser parser(
      [&](const SseEvent& event) { events.emplace_back(std::string(event.type), std::string(event.data)); });
  for (const std::string_view piece : pieces) parser.feed(piece);
  parser.finish();
  return events;
}

/// The events of `text`, having checked that they are the same for it cut at any two places and at all.
Events read(std::string_view text) {
  Events whole = read_in_pieces({text});
  std::vector<std::string_view> bytes;
  for (std::size_t first = 0; first <= text.size(); ++first) {
    if (first < text.size()) bytes.push_back(text.substr(first, 1));
    for (std::size_t second = first; second <= text.size(); ++second) {
      CAPTURE(text, first, second);
      REQUIRE(read_in_pieces(
                  {text.substr(0, first), text.substr(first, second - first), text.substr(second)}) == whole);
    }
  }
  REQUIRE(read_in_pieces(bytes) == whole);
  return whole;
}

std::string with_line_ends(std::string_view text, std::string_view line_end) {
  std::string result;
  for (const char c : text) {
    if (c == '\n') {
      result += line_end;
    } else {
      result += c;
    }
  }
  return result;
}

}  // namespace

TEST_CASE("SseParser reads the same events with LF, CRLF and CR, however they are cut") {
  const std::string text =
      "\xEF\xBB\xBF: hello\ndata: {\"a\":1}\n\nevent: error\nid: 7\nretry: 10\ndata:two\ndata: lines\n\n\n\n"
      "data: \xE4\xBD\xA0\xE5\xA5\xBD\n\ndata: [DONE]\n\n";
  const Events expected{
      {"", "{\"a\":1}"}, {"error", "two\nlines"}, {"", "\xE4\xBD\xA0\xE5\xA5\xBD"}, {"", "[DONE]"}};
  for (const std::string_view line_end : {"\n", "\r\n", "\r"}) {
    CHECK(read(with_line_ends(text, line_end)) == expected);
  }
}

TEST_CASE("SseParser takes line ends of all kinds in one stream") {
  CHECK(read("data: a\r\ndata: b\rdata: c\n\r\ndata: d\r\rdata: e\n\n") ==
        Events{{"", "a\nb\nc"}, {"", "d"}, {"", "e"}});
  // CR LF is one end, LF CR are two: the second ends the event.
  CHECK(read("data: a\n\rdata: b\r\n\r\n") == Events{{"", "a"}, {"", "b"}});
}

TEST_CASE("SseParser strips one space after the colon and nothing else") {
  CHECK(read("data:  two \n\n") == Events{{"", " two "}});
  CHECK(read("data:\ttab\n\n") == Events{{"", "\ttab"}});
  CHECK(read("data: a: b\n\n") == Events{{"", "a: b"}});
}

TEST_CASE("SseParser gives an event out only when it has data, empty data included") {
  CHECK(read("event: ping\n\n") == Events{});
  CHECK(read("event: ping\n\ndata: a\n\n") == Events{{"", "a"}});
  CHECK(read("data\n\n") == Events{{"", ""}});
  CHECK(read("data:\ndata:\n\n") == Events{{"", "\n"}});
  CHECK(read("") == Events{});
  CHECK(read("\n\n\n") == Events{});
}

TEST_CASE("SseParser passes over comments and fields it does not know") {
  CHECK(read(": OPENROUTER PROCESSING\n\n:\n:data: no\nDATA: no\n data: no\ndatas: no\ndata: yes\n\n") ==
        Events{{"", "yes"}});
}

TEST_CASE("SseParser takes a byte order mark at the start for none of the text, and elsewhere for text") {
  CHECK(read("\xEF\xBB\xBF"
             "data: a\n\n") == Events{{"", "a"}});
  CHECK(read("data: \xEF\xBB\xBF\n\n") == Events{{"", "\xEF\xBB\xBF"}});
  CHECK(read("\n\xEF\xBB\xBF"
             "data: a\n\n") == Events{});
}

TEST_CASE("SseParser gives out an event that the stream's end cuts short of its blank line") {
  CHECK(read("data: a\n\ndata: [DONE]") == Events{{"", "a"}, {"", "[DONE]"}});
  CHECK(read("data: a\n") == Events{{"", "a"}});
  CHECK(read("data: a\r") == Events{{"", "a"}});
  CHECK(read("data: a\nevent: b") == Events{{"b", "a"}});
  CHECK(read("event: a") == Events{});
}

TEST_CASE("SseParser refuses an event that is too long, in one line or many, and forgets sent ones") {
  const auto feed_mebibytes = [](const std::string& mebibyte, int count) {
    SseParser parser([](const SseEvent&) {});
    for (int i = 0; i < count; ++i) parser.feed(mebibyte);
  };
  const std::string line(1 << 20, 'x');
  CHECK_NOTHROW(feed_mebibytes(line, 16));
  CHECK_THROWS_AS(feed_mebibytes(line, 17), Error);
  CHECK_THROWS_AS(feed_mebibytes("data: " + line + "\n", 17), Error);
  CHECK_NOTHROW(feed_mebibytes("data: " + line + "\n\n", 40));
  CHECK_NOTHROW(feed_mebibytes(": " + line + "\n", 40));
}

TEST_CASE("sse_bytes writes what SseParser reads back") {
  for (const SseEvent event : {SseEvent{"", "a"}, SseEvent{"", ""}, SseEvent{"error", "two\nlines"},
                               SseEvent{"", "\n"}, SseEvent{"", " space and : colon"}}) {
    CHECK(read(sse_bytes(event)) == Events{{std::string(event.type), std::string(event.data)}});
  }
  CHECK(sse_bytes({"", "[DONE]"}) == "data: [DONE]\n\n");
}
