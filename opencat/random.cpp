// SPDX-License-Identifier: MIT
#include "opencat/random.hpp"

#include <array>
#include <vector>

#include <openssl/rand.h>

#include "opencat/digest.hpp"
#include "opencat/error.hpp"

namespace opencat {

void SystemEntropy::fill(std::span<unsigned char> bytes) {
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    throw Error(ErrorKind::failed, "the system gave no random bytes");
  }
}

std::string random_hex(Entropy& entropy, std::size_t bytes) {
  std::vector<unsigned char> raw(bytes);
  entropy.fill(raw);
  return to_hex(raw);
}

std::string random_uuid(Entropy& entropy) {
  std::array<unsigned char, 16> raw{};
  entropy.fill(raw);
  raw[6] = static_cast<unsigned char>((raw[6] & 0x0F) | 0x40);
  raw[8] = static_cast<unsigned char>((raw[8] & 0x3F) | 0x80);
  std::string text = to_hex(raw);
  for (const std::size_t dash : {8, 13, 18, 23}) text.insert(dash, 1, '-');
  return text;
}

}  // namespace opencat
