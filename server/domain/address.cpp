// SPDX-License-Identifier: MIT
#include "server/domain/address.hpp"

#include <algorithm>
#include <array>

#include <arpa/inet.h>

namespace opencat {

std::string address_key(std::string_view ip) {
  const std::string text(
      ip.substr(0, ip.find('%')));  // fe80::1%eth0: the interface is ours, not the client's
  std::array<unsigned char, 16> bytes{};
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return std::string(ip);
  char shown[INET6_ADDRSTRLEN] = "";
  constexpr std::array<unsigned char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(mapped.begin(), mapped.end(), bytes.begin())) {
    return inet_ntop(AF_INET, bytes.data() + mapped.size(), shown, sizeof shown);
  }
  std::fill(bytes.begin() + 8, bytes.end(), static_cast<unsigned char>(0));
  return std::string(inet_ntop(AF_INET6, bytes.data(), shown, sizeof shown)) + "/64";
}

}  // namespace opencat
