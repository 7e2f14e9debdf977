// SPDX-License-Identifier: MIT
#include "opencat/ecdsa.hpp"

#include <memory>
#include <optional>
#include <vector>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

namespace opencat {

namespace {

/// Keys and signatures have about a hundred bytes.
constexpr std::size_t max_base64 = 4096;

std::optional<std::vector<unsigned char>> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > max_base64) return std::nullopt;
  std::vector<unsigned char> bytes(text.size() / 4 * 3);
  const int size = EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  // It counts the padding as bytes.
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

/// Nothing unless the bytes are a key of that one curve, and only it.
Key parse_key(const std::vector<unsigned char>& bytes) {
  const unsigned char* at = bytes.data();
  Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(bytes.size())), &EVP_PKEY_free);
  char group[32] = "";
  const bool right = key && at == bytes.data() + bytes.size() && EVP_PKEY_is_a(key.get(), "EC") == 1 &&
                     EVP_PKEY_get_group_name(key.get(), group, sizeof group, nullptr) == 1 &&
                     std::string_view(group) == "prime256v1";
  if (!right) key.reset();
  return key;
}

}  // namespace

bool is_ecdsa_signature(std::string_view key, std::string_view message, std::string_view signature) {
  const auto key_bytes = from_base64(key);
  const auto proof = from_base64(signature);
  if (!key_bytes || !proof) return false;
  const Key parsed = parse_key(*key_bytes);
  const Context context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (!parsed || !context) return false;
  return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, parsed.get()) == 1 &&
         EVP_DigestVerify(context.get(), proof->data(), proof->size(),
                          reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
}

}  // namespace opencat
