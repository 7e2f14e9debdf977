// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace opencat::http {

/// An IP address; IPv4 is kept as IPv6 keeps it (::ffff:a.b.c.d), so that both ways of naming one are one.
using IpBytes = std::array<std::uint8_t, 16>;

/// Nothing for what is no plain address, e.g. a name, or one with a port.
std::optional<IpBytes> parse_ip(std::string_view text);
/// As RFC 5952 writes it; an IPv4 address as IPv4.
std::string ip_text(const IpBytes& ip);

/// The reverse proxies whose word is taken for who their clients are.
class TrustedProxies {
 public:
  TrustedProxies() = default;
  /// Addresses and ranges, IPv4 or IPv6: "10.0.0.0/8", "::1". Throws Error(usage) for anything else.
  explicit TrustedProxies(const std::vector<std::string>& ranges);

  bool contains(const IpBytes& ip) const;

 private:
  struct Range {
    IpBytes base;
    int bits;
  };
  std::vector<Range> ranges_;
};

/// The client's address: the peer's, unless that is a trusted proxy; then the right-most address of the
/// X-Forwarded-For list that is not itself one. Each proxy appends the
/// peer it saw, so what stands left of the first untrusted address may be that client's invention and is not
/// looked at. Where something else than an address stands, with a port or without, the last good one counts.
/// `Forwarded` (RFC 7239) is not read: proxies pass a client's own on.
std::string client_address(std::string_view peer, std::string_view forwarded_for,
                           const TrustedProxies& proxies);

}  // namespace opencat::http
