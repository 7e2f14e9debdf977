// SPDX-License-Identifier: MIT
#include "server/http/byte_range.hpp"

#include "tests/catch.hpp"

using opencat::http::answer_range;
using opencat::http::Headers;
using opencat::http::RangeAnswer;
using opencat::http::Request;

namespace {

RangeAnswer asked(Headers headers, std::uint64_t size = 100, const std::string& method = "GET") {
  Request request;
  request.method = method;
  request.headers = std::move(headers);
  return answer_range(request, "\"e\"", size);
}

RangeAnswer range(const std::string& value, std::uint64_t size = 100) {
  return asked({{"Range", value}}, size);
}

void check_part(const RangeAnswer& answer, std::uint64_t first, std::uint64_t length,
                const std::string& text) {
  CHECK(answer.status == 206);
  CHECK(answer.first == first);
  CHECK(answer.length == length);
  CHECK(answer.content_range == text);
}

}  // namespace

TEST_CASE("one range of bytes is answered with it") {
  check_part(range("bytes=0-9"), 0, 10, "bytes 0-9/100");
  check_part(range("bytes=90-"), 90, 10, "bytes 90-99/100");
  check_part(range("bytes=-1"), 99, 1, "bytes 99-99/100");
  check_part(range("bytes=-500"), 0, 100, "bytes 0-99/100");
  check_part(range("bytes=50-99999999999999999999999"), 50, 50, "bytes 50-99/100");
  check_part(range("BYTES= 7-7 "), 7, 1, "bytes 7-7/100");
}

TEST_CASE("a range behind the end is 416, which tells the size") {
  for (const char* text : {"bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999-"}) {
    INFO(text);
    CHECK(range(text).status == 416);
    CHECK(range(text).content_range == "bytes */100");
  }
  CHECK(range("bytes=0-", 0).status == 416);
  CHECK(range("bytes=-5", 0).status == 416);
}

TEST_CASE("what is no single range of bytes is answered whole") {
  for (const char* text : {"bytes=9-0", "bytes=", "bytes=-", "bytes=a-b", "bytes=1", "bytes=0-1,5-6",
                           "lines=0-1", "bytes=+1-2", "bytes=1-2x", "bytes=--2", ""}) {
    INFO(text);
    const RangeAnswer answer = range(text);
    CHECK(answer.status == 200);
    CHECK(answer.length == 100);
    CHECK(answer.content_range.empty());
  }
  CHECK(asked({{"Range", "bytes=0-1"}}, 100, "HEAD").status == 200);
}

TEST_CASE("If-Range holds a range to the same bytes") {
  CHECK(asked({{"Range", "bytes=5-"}, {"If-Range", "\"e\""}}).status == 206);
  CHECK(asked({{"Range", "bytes=5-"}, {"If-Range", "\"f\""}}).status == 200);
  CHECK(asked({{"Range", "bytes=5-"}, {"If-Range", "W/\"e\""}}).status == 200);
  CHECK(asked({{"Range", "bytes=500-"}, {"If-Range", "\"f\""}}).status == 200);
  CHECK(asked({{"Range", "bytes=5-"}, {"If-Range", "Wed, 21 Oct 2015 07:28:00 GMT"}}).status == 200);
}

TEST_CASE("conditions come before ranges") {
  CHECK(asked({{"If-None-Match", "\"a\", W/\"e\""}, {"Range", "bytes=5-"}}).status == 304);
  CHECK(asked({{"If-None-Match", "*"}}).status == 304);
  CHECK(asked({{"If-None-Match", "\"a\""}}).status == 200);
  CHECK(asked({{"If-Match", "\"a\""}, {"Range", "bytes=5-"}}).status == 412);
  CHECK(asked({{"If-Match", "W/\"e\""}}).status == 412);
  CHECK(asked({{"If-Match", "\"a\",\"e\""}, {"Range", "bytes=5-"}}).status == 206);
}
