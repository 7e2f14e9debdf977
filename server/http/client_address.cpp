// SPDX-License-Identifier: MIT
#include "server/http/client_address.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>

#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat::http {

namespace {

constexpr IpBytes mapped_ipv4{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::size_t mapped_prefix = 12;  ///< bytes

bool is_ipv4(const IpBytes& ip) {
  return std::equal(ip.begin(), ip.begin() + mapped_prefix, mapped_ipv4.begin());
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// What some proxies write, too: "192.0.2.1:4711", "[2001:db8::1]:4711".
std::optional<IpBytes> parse_hop(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view port = text.substr(end + 1);
    if (!port.empty() && !(port.front() == ':' && is_digits(port.substr(1)))) return std::nullopt;
    return parse_ip(text.substr(1, end - 1));
  }
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && text.find('.') < colon && is_digits(text.substr(colon + 1)))
    text = text.substr(0, colon);
  return parse_ip(text);
}

Error bad_range(const std::string& text) {
  return {ErrorKind::usage,
          "--trusted-proxy wants an address or a range, as 10.0.0.0/8 or ::1, not '" + text + "'"};
}

}  // namespace

std::optional<IpBytes> parse_ip(std::string_view text) {
  const std::string terminated(text);
  IpBytes ip = mapped_ipv4;
  if (terminated.size() != std::strlen(terminated.c_str())) return std::nullopt;
  if (inet_pton(AF_INET, terminated.c_str(), ip.data() + mapped_prefix) == 1) return ip;
  if (inet_pton(AF_INET6, terminated.c_str(), ip.data()) == 1) return ip;
  return std::nullopt;
}

std::string ip_text(const IpBytes& ip) {
  char text[INET6_ADDRSTRLEN] = "";
  if (is_ipv4(ip)) {
    inet_ntop(AF_INET, ip.data() + mapped_prefix, text, sizeof text);
  } else {
    inet_ntop(AF_INET6, ip.data(), text, sizeof text);
  }
  return text;
}

TrustedProxies::TrustedProxies(const std::vector<std::string>& ranges) {
  for (const std::string& text : ranges) {
    const std::size_t slash = text.find('/');
    const auto base = parse_ip(std::string_view(text).substr(0, slash));
    if (!base) throw bad_range(text);
    // "/8" of an IPv4 address counts behind the 96 bits of its prefix.
    const int offset = is_ipv4(*base) && text.find(':') == std::string::npos ? 96 : 0;
    int bits = 128 - offset;
    if (slash != std::string::npos) {
      const char* const end = text.data() + text.size();
      const auto [stopped, problem] = std::from_chars(text.data() + slash + 1, end, bits);
      if (problem != std::errc{} || stopped != end || bits < 0 || bits > 128 - offset) throw bad_range(text);
    }
    ranges_.push_back({*base, bits + offset});
  }
}

bool TrustedProxies::contains(const IpBytes& ip) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& range) {
    const auto whole = static_cast<std::size_t>(range.bits / 8);
    if (!std::equal(ip.begin(), ip.begin() + whole, range.base.begin())) return false;
    const int rest = range.bits % 8;
    return rest == 0 || (ip[whole] ^ range.base[whole]) >> (8 - rest) == 0;
  });
}

std::string client_address(std::string_view peer, std::string_view forwarded_for,
                           const TrustedProxies& proxies) {
  auto client = parse_ip(peer);
  if (!client) return std::string(peer);
  while (!forwarded_for.empty() && proxies.contains(*client)) {
    const std::size_t comma = forwarded_for.rfind(',');
    const bool last = comma == std::string_view::npos;
    const auto hop = parse_hop(trim(last ? forwarded_for : forwarded_for.substr(comma + 1)));
    if (!hop) break;
    client = hop;
    forwarded_for = last ? std::string_view() : forwarded_for.substr(0, comma);
  }
  return ip_text(*client);
}

}  // namespace opencat::http
