// SPDX-License-Identifier: MIT
#include "server/http/accept_encoding.hpp"

#include "tests/catch.hpp"

using namespace opencat::http;

namespace {

std::string chosen(const std::string& header) {
  const std::vector<std::string> codings{"br", "gzip", "identity"};
  return codings[choose_coding(&header, codings)];
}

}  // namespace

TEST_CASE("a client gets the coding it weighs most, of equal ones the smallest") {
  CHECK(chosen("gzip, deflate, br, zstd") == "br");
  CHECK(chosen("gzip") == "gzip");
  CHECK(chosen("GZIP ; Q=0.5") == "gzip");
  CHECK(chosen("br;q=0.5, gzip;q=0.8") == "gzip");
  CHECK(chosen("br;q=1.0, gzip;q=0.999") == "br");
  CHECK(chosen("*") == "br");
  CHECK(chosen("br;q=0, *") == "gzip");
  CHECK(chosen("gzip;q=0.001") == "gzip");
}

TEST_CASE("who wants none of the codings, or says nothing, gets the bytes as they are") {
  const std::vector<std::string> codings{"br", "gzip", "identity"};
  CHECK(choose_coding(nullptr, codings) == 2);
  CHECK(chosen("") == "identity");
  CHECK(chosen("identity") == "identity");
  CHECK(chosen("br;q=0, gzip;q=0") == "identity");
  CHECK(chosen("zstd, deflate") == "identity");
  CHECK(chosen("*;q=0") == "identity");
  CHECK(chosen("identity, gzip;q=0.5") == "identity");
}

TEST_CASE("what is no weight is none") {
  for (const std::string weight : {"", "x", "2", "-1", "0.5x", "0.12345", "1e9", "0.0000"})
    CHECK(chosen("br;q=" + weight) == "identity");
  CHECK(chosen("br;q=1.9") == "br");
  CHECK(chosen(",;,=;q=,br;;q=1") == "br");
}
