// SPDX-License-Identifier: MIT
#include "opencat/minisign.hpp"

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "opencat/digest.hpp"
#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace {

using Bytes = std::vector<unsigned char>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

// A key file's bytes: "Ed", "Sc" (or two zeros: no password), "B2", a salt, two limits, and then, under the
// password's stream, the key's id, the key as Ed25519 has it in 64 bytes (seed, public key), and a checksum.
constexpr std::size_t salt_at = 6;
constexpr std::size_t salt_size = 32;
constexpr std::size_t limits_at = salt_at + salt_size;
constexpr std::size_t secret_at = limits_at + 16;
constexpr std::size_t secret_size = 8 + 64 + 32;

[[noreturn]] void fail() { throw Error(ErrorKind::failed, "the cryptographic library cannot sign"); }

std::uint64_t little_endian(const unsigned char* bytes) {
  std::uint64_t number = 0;
  for (int i = 7; i >= 0; --i) number = number << 8 | bytes[i];
  return number;
}

struct ScryptCost {
  std::uint64_t n;
  std::uint32_t p;
};

/// What libsodium makes of its two limits (crypto_pwhash_scryptsalsa208sha256; r is always 8).
ScryptCost scrypt_cost(std::uint64_t operations, std::uint64_t memory) {
  operations = std::max<std::uint64_t>(operations, 32768);
  const bool by_operations = operations < memory / 32;
  const std::uint64_t most = by_operations ? operations / 32 : memory / 1024;
  unsigned exponent = 1;
  while (exponent < 63 && (1ull << exponent) <= most / 2) ++exponent;
  if (by_operations) return {1ull << exponent, 1};
  const std::uint64_t rp = std::min<std::uint64_t>((operations / 4) >> exponent, 0x3fffffff);
  return {1ull << exponent, static_cast<std::uint32_t>(rp / 8)};
}

Bytes password_stream(const std::string& password, const Bytes& file, const std::string& where) {
  const ScryptCost cost = scrypt_cost(little_endian(&file[limits_at]), little_endian(&file[limits_at + 8]));
  // minisign's own keys want 2^20, a gigabyte; a file that asks for more is no help to anybody.
  if (cost.n > 1u << 20 || cost.p == 0 || cost.p > 16) {
    throw Error(ErrorKind::usage, where + " wants more memory for its password than any key of minisign");
  }
  Bytes stream(secret_size);
  const std::uint64_t memory = cost.n * 1024 + (8u << 20);
  if (EVP_PBE_scrypt(password.data(), password.size(), &file[salt_at], salt_size, cost.n, 8, cost.p, memory,
                     stream.data(), stream.size()) != 1) {
    throw Error(ErrorKind::failed, "there is not enough memory for the password of " + where + " (" +
                                       human_size(memory) + "); sign with a key without one, or elsewhere");
  }
  return stream;
}

Key private_key(std::span<const unsigned char> seed) {
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()), &EVP_PKEY_free);
  if (!key) fail();
  return key;
}

Bytes signature(std::span<const unsigned char> seed, std::span<const unsigned char> message) {
  const Key key = private_key(seed);
  const Context context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  Bytes result(64);
  std::size_t size = result.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), result.data(), &size, message.data(), message.size()) != 1) {
    fail();
  }
  return result;
}

Bytes blake2b512(std::string_view bytes) {
  Bytes digest(64);
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_blake2b512(), nullptr) != 1) fail();
  return digest;
}

Bytes joined(std::string_view head, std::span<const unsigned char> id, std::span<const unsigned char> rest) {
  Bytes bytes(head.begin(), head.end());
  bytes.insert(bytes.end(), id.begin(), id.end());
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  return bytes;
}

}  // namespace

MinisignKey::MinisignKey(std::string_view text, const std::string& password, const std::string& where) {
  const std::vector<std::string> lines = split(text, '\n');
  const auto decoded = from_base64(lines.size() > 1 ? trim(lines[1]) : std::string_view());
  const std::string_view head(decoded ? reinterpret_cast<const char*>(decoded->data()) : "",
                              decoded ? std::min<std::size_t>(decoded->size(), 6) : 0);
  const bool encrypted = head == "EdScB2";
  if (!decoded || decoded->size() != secret_at + secret_size ||
      (!encrypted && head != std::string_view("Ed\0\0B2", 6))) {
    throw Error(ErrorKind::usage, where + " is no secret key of minisign; `minisign -G` makes one");
  }
  if (encrypted && password.empty()) {
    throw Error(ErrorKind::usage, where +
                                      " has a password: set OPENCAT_SIGN_PASSWORD, or name a file with "
                                      "it with --sign-password-file");
  }
  Bytes secret(decoded->begin() + secret_at, decoded->end());
  if (encrypted) {
    const Bytes stream = password_stream(password, *decoded, where);
    for (std::size_t i = 0; i < secret.size(); ++i) secret[i] ^= stream[i];
  }
  std::copy_n(secret.begin(), 8, id_.begin());
  std::copy_n(secret.begin() + 8, 32, seed_.begin());
  std::size_t size = public_.size();
  if (EVP_PKEY_get_raw_public_key(private_key(seed_).get(), public_.data(), &size) != 1) fail();
  // That the two halves belong together proves the password as well as the checksum (BLAKE2b-256, which
  // OpenSSL 3.0 lacks) would.
  const bool fits = std::equal(public_.begin(), public_.end(), secret.begin() + 40);
  OPENSSL_cleanse(secret.data(), secret.size());
  if (!fits) {
    throw Error(ErrorKind::usage, encrypted ? "that is not the password of " + where : where + " is damaged");
  }
}

MinisignKey::~MinisignKey() { OPENSSL_cleanse(seed_.data(), seed_.size()); }

std::string MinisignKey::sign(std::string_view bytes, const std::string& name) const {
  const std::string comment = "file:" + name + "\thashed";
  const Bytes own = signature(seed_, blake2b512(bytes));
  Bytes both = own;
  both.insert(both.end(), comment.begin(), comment.end());
  return "untrusted comment: signature from minisign secret key\n" + to_base64(joined("ED", id_, own)) +
         "\ntrusted comment: " + comment + "\n" + to_base64(signature(seed_, both)) + "\n";
}

std::string MinisignKey::public_key() const { return to_base64(joined("Ed", id_, public_)); }

}  // namespace opencat
