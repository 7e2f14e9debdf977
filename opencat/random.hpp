// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace opencat {

/// Where unpredictable bytes come from; passed in, so that tests can set them. Any thread may call it.
class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual void fill(std::span<unsigned char> bytes) = 0;
};

/// The operating system's cryptographic generator. Throws Error(failed) if it has none.
class SystemEntropy : public Entropy {
 public:
  void fill(std::span<unsigned char> bytes) override;
};

/// `bytes` random bytes as lower-case hex digits.
std::string random_hex(Entropy& entropy, std::size_t bytes);

/// A version 4 UUID (RFC 9562, section 5.4).
std::string random_uuid(Entropy& entropy);

}  // namespace opencat
