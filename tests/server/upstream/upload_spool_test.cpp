// SPDX-License-Identifier: MIT
#include "server/upstream/upload_spool.hpp"

#include <filesystem>

#include "tests/catch.hpp"

using namespace opencat;

namespace {

const auto folder = std::filesystem::temp_directory_path();

/// What can be read now, in pieces of `size`; `ended` tells whether that was all.
std::string drain(UploadSpool& spool, bool& ended, std::size_t size = 1000) {
  std::string all;
  std::string piece(size, '\0');
  ended = false;
  while (true) {
    const auto count = spool.read(piece.data(), size);
    ended = !count;
    if (!count || *count == 0) return all;
    all += piece.substr(0, *count);
  }
}

std::string numbers(std::size_t bytes) {
  std::string text;
  for (int i = 0; text.size() < bytes; ++i) text += std::to_string(i) + " ";
  return text.substr(0, bytes);
}

}  // namespace

TEST_CASE("a body goes out as it came in, kept in memory or on disk, with one place changed") {
  for (const std::size_t bytes : {std::size_t{10}, std::size_t{300'000}, std::size_t{1'000'000}}) {
    const std::string body = numbers(bytes);
    UploadSpool spool(folder, body.size());
    for (std::size_t at = 0; at < bytes; at += 7777) spool.append(std::string_view(body).substr(at, 7777));
    spool.replace(4, 3, "changed");
    spool.finish();
    const std::string expected = body.substr(0, 4) + "changed" + body.substr(7);
    CHECK(spool.length() == expected.size());
    bool ended = false;
    CHECK(drain(spool, ended) == expected);
    CHECK(ended);
    CHECK(spool.rewind());
    spool.replace(4, 3, "");
    CHECK(drain(spool, ended, 3) == body.substr(0, 4) + body.substr(7));
  }
}

TEST_CASE("what arrives while it is read passes through, wakes the reader, and cannot be read again") {
  UploadSpool spool(folder, std::nullopt);
  spool.append("begin ");
  int woken = 0;
  int taken = 0;
  spool.wakeup = [&] { ++woken; };
  spool.on_taken = [&] { ++taken; };
  bool ended = false;
  CHECK_FALSE(spool.length());
  CHECK(drain(spool, ended) == "begin ");
  CHECK_FALSE(ended);
  CHECK(spool.rewind());
  spool.append("middle ");
  CHECK(woken == 1);
  CHECK(spool.waiting() == 7);
  CHECK(drain(spool, ended) == "begin middle ");
  CHECK(taken == 1);
  CHECK(spool.waiting() == 0);
  CHECK_FALSE(spool.rewind());
  spool.append("end");
  spool.finish();
  CHECK(drain(spool, ended) == "end");
  CHECK(ended);
}

TEST_CASE("a part that is put before a body lengthens it") {
  UploadSpool spool(folder, 4);
  spool.append("bo");
  spool.replace(0, 0, "part ");
  CHECK(spool.length() == 9);
  bool ended = false;
  CHECK(drain(spool, ended, 1) == "part bo");
  spool.append("dy");
  spool.finish();
  CHECK(drain(spool, ended) == "dy");
}

TEST_CASE("what was taken is let go of, though the reader never quite catches up") {
  UploadSpool spool(folder, std::nullopt);
  std::string piece(10'000, 'x');
  CHECK(spool.read(piece.data(), 1) == 0);
  spool.append(piece);
  for (int i = 0; i < 10'000; ++i) {
    spool.append(piece);
    CHECK(spool.read(piece.data(), piece.size()) == piece.size());
    REQUIRE(spool.held() < 1'000'000);
  }
}
