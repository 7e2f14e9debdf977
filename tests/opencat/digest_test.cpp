// SPDX-License-Identifier: MIT
#include "opencat/digest.hpp"

#include "tests/catch.hpp"

using namespace opencat;

TEST_CASE("SHA-256 of FIPS 180-4's example, whole and in pieces") {
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Digest digest(DigestKind::sha256);
  digest.update("a");
  digest.update("bc");
  CHECK(to_hex(digest.finish()) == sha256_hex("abc"));
}

TEST_CASE("base64 as RFC 4648 gives it") {
  const auto encode = [](std::string_view text) {
    return to_base64({reinterpret_cast<const unsigned char*>(text.data()), text.size()});
  };
  CHECK(encode("") == "");
  CHECK(encode("f") == "Zg==");
  CHECK(encode("foobar") == "Zm9vYmFy");
}

TEST_CASE("secrets of different lengths and contents differ") {
  CHECK(equal_in_constant_time("secret", "secret"));
  CHECK_FALSE(equal_in_constant_time("secret", "secreT"));
  CHECK_FALSE(equal_in_constant_time("secret", "secret1"));
}
