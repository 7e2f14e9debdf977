// SPDX-License-Identifier: MIT
#include "server/domain/address.hpp"

#include "tests/catch.hpp"

using opencat::address_key;

TEST_CASE("an IPv4 address is its own key, mapped into IPv6 or not") {
  CHECK(address_key("192.0.2.1") == "192.0.2.1");
  CHECK(address_key("::ffff:192.0.2.1") == "192.0.2.1");
  CHECK(address_key("::FFFF:c000:0201") == "192.0.2.1");
  CHECK(address_key("192.0.2.1") != address_key("192.0.2.2"));
}

TEST_CASE("an IPv6 address counts with all of its /64, however it is written") {
  CHECK(address_key("2001:db8:0:1::1") == "2001:db8:0:1::/64");
  CHECK(address_key("2001:db8:0:1:ffff:ffff:ffff:ffff") == "2001:db8:0:1::/64");
  CHECK(address_key("2001:0DB8:0000:0001::") == "2001:db8:0:1::/64");
  CHECK(address_key("2001:db8:0:2::1") == "2001:db8:0:2::/64");
  CHECK(address_key("::1") == "::/64");
  CHECK(address_key("fe80::1%eth0") == "fe80::/64");
}

TEST_CASE("what is no address is its own key") {
  CHECK(address_key("") == "");
  CHECK(address_key("unknown") == "unknown");
  CHECK(address_key("192.0.2.1.5") == "192.0.2.1.5");
  CHECK(address_key("2001:db8::1::2") == "2001:db8::1::2");
}
