// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace opencat {

/// A secret key of minisign (https://jedisct1.github.io/minisign/, "Secret key format"), with which a file is
/// signed so that `minisign -V` proves it.
class MinisignKey {
 public:
  /// `text` is the content of the key file; `where` names it to people; `password` is "" where the key has
  /// none (`minisign -G -W`). Throws Error(usage) for what is no such key or another key's password.
  MinisignKey(std::string_view text, const std::string& password, const std::string& where);
  MinisignKey(const MinisignKey&) = delete;
  MinisignKey& operator=(const MinisignKey&) = delete;
  ~MinisignKey();

  /// The content of NAME.minisig for a file of these bytes: the signature of its BLAKE2b-512 ("prehashed"),
  /// and that of the trusted comment, which names it and no time: the same bytes are signed the same.
  std::string sign(std::string_view bytes, const std::string& name) const;
  /// The public key, as `minisign -V -P` takes it.
  std::string public_key() const;

 private:
  std::array<unsigned char, 8> id_{};
  std::array<unsigned char, 32> seed_{};
  std::array<unsigned char, 32> public_{};
};

}  // namespace opencat
