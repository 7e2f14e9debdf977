// SPDX-License-Identifier: MIT
#include "server/http/client_address.hpp"

#include "opencat/error.hpp"
#include "tests/catch.hpp"

using namespace opencat;
using http::client_address;
using http::TrustedProxies;

namespace {

const TrustedProxies proxies({"10.0.0.0/8", "192.0.2.7", "fd00::/8", "::1"});

std::string seen(std::string_view peer, std::string_view forwarded) {
  return client_address(peer, forwarded, proxies);
}

}  // namespace

TEST_CASE("without a trusted proxy X-Forwarded-For is a client's invention") {
  CHECK(seen("203.0.113.5", "198.51.100.1") == "203.0.113.5");
  CHECK(seen("2001:db8::1", "10.0.0.1, ::1") == "2001:db8::1");
  CHECK(client_address("10.0.0.1", "198.51.100.1", {}) == "10.0.0.1");
  CHECK(seen("11.0.0.1", "198.51.100.1") == "11.0.0.1");
  CHECK(seen("192.0.2.8", "198.51.100.1") == "192.0.2.8");
}

TEST_CASE("behind trusted proxies the right-most untrusted address is the client's") {
  CHECK(seen("10.1.2.3", "") == "10.1.2.3");
  CHECK(seen("10.1.2.3", "198.51.100.1") == "198.51.100.1");
  CHECK(seen("10.1.2.3", "1.1.1.1, 198.51.100.1") == "198.51.100.1");
  CHECK(seen("::1", "1.1.1.1,198.51.100.1 , 192.0.2.7,\t10.9.9.9") == "198.51.100.1");
  CHECK(seen("fd12::9", "2001:db8:0:0::0001") == "2001:db8::1");
  CHECK(seen("10.0.0.1", "10.0.0.3, 10.0.0.2") == "10.0.0.3");
}

TEST_CASE("IPv4 within IPv6 is the IPv4 address, on both sides") {
  CHECK(seen("::ffff:10.0.0.1", "::ffff:198.51.100.1") == "198.51.100.1");
  CHECK(seen("::ffff:203.0.113.5", "1.1.1.1") == "203.0.113.5");
  CHECK(client_address("10.0.0.1", "1.1.1.1", TrustedProxies({"::ffff:10.0.0.0/104"})) == "1.1.1.1");
}

TEST_CASE("ports are no part of the address") {
  CHECK(seen("10.0.0.1", "198.51.100.1:4711") == "198.51.100.1");
  CHECK(seen("10.0.0.1", "[2001:db8::1]:4711") == "2001:db8::1");
  CHECK(seen("10.0.0.1", "[2001:db8::1]") == "2001:db8::1");
}

TEST_CASE("where junk stands, the last good address counts") {
  for (const std::string_view junk :
       {"", " ", "unknown", "a.b.c.d", "1.2.3", "1.2.3.4.5", "_hidden", "256.1.1.1", "1.2.3.4:", "1.2.3.4:x",
        "[::1", "[::1]x", "::1%lo", "<script>", "1.2.3.4/8"}) {
    CAPTURE(junk);
    CHECK(seen("10.0.0.1", junk) == "10.0.0.1");
    const std::string list = "1.1.1.1, " + std::string(junk) + ", 10.0.0.2";
    CHECK(seen("10.0.0.1", list) == "10.0.0.2");
  }
  CHECK(seen("10.0.0.1", std::string_view("1.2.3.4\0", 8)) == "10.0.0.1");
  CHECK(seen("", "1.1.1.1").empty());
}

TEST_CASE("ranges of any length, and nothing that is none") {
  CHECK(client_address("10.0.0.1", "1.1.1.1", TrustedProxies({"0.0.0.0/0"})) == "1.1.1.1");
  CHECK(client_address("::2", "1.1.1.1", TrustedProxies({"0.0.0.0/0"})) == "::2");
  CHECK(client_address("::2", "1.1.1.1", TrustedProxies({"::/0"})) == "1.1.1.1");
  const TrustedProxies odd({"172.16.0.0/12"});
  CHECK(client_address("172.31.255.255", "1.1.1.1", odd) == "1.1.1.1");
  CHECK(client_address("172.32.0.0", "1.1.1.1", odd) == "172.32.0.0");
  for (const std::string text :
       {"", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/8x", "proxy", "10.0.0/8", "/8"}) {
    CAPTURE(text);
    try {
      const TrustedProxies bad({text});
      FAIL_CHECK("it was taken");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::usage);
      CHECK(error.message().find("'" + text + "'") != std::string::npos);
    }
  }
}
