// SPDX-License-Identifier: MIT
#include "opencat/digest.hpp"

#include <algorithm>
#include <fstream>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat {

struct Digest::State {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

Digest::Digest(DigestKind kind) : state_(std::make_unique<State>()) {
  // Found once: EVP_sha256() would be looked up in OpenSSL's providers for each digest.
  static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  static EVP_MD* const sha512 = EVP_MD_fetch(nullptr, "SHA512", nullptr);
  const EVP_MD* algorithm = kind == DigestKind::sha256 ? sha256 : sha512;
  if (!state_->context || EVP_DigestInit_ex(state_->context.get(), algorithm, nullptr) != 1) {
    throw Error(ErrorKind::failed, "the cryptographic library cannot make a digest");
  }
}

Digest::Digest(const Digest& other) : state_(std::make_unique<State>()) {
  if (!state_->context || EVP_MD_CTX_copy_ex(state_->context.get(), other.state_->context.get()) != 1) {
    throw Error(ErrorKind::failed, "the cryptographic library cannot copy a digest");
  }
}

Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;
Digest::~Digest() = default;

void Digest::update(std::string_view bytes) {
  EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size());
}

std::vector<unsigned char> Digest::so_far() const {
  Digest copy(DigestKind::sha256);
  if (EVP_MD_CTX_copy_ex(copy.state_->context.get(), state_->context.get()) != 1) {
    throw Error(ErrorKind::failed, "the cryptographic library cannot make a digest");
  }
  return copy.finish();
}

std::vector<unsigned char> Digest::finish() {
  std::vector<unsigned char> result(EVP_MAX_MD_SIZE);
  unsigned int size = 0;
  EVP_DigestFinal_ex(state_->context.get(), result.data(), &size);
  result.resize(size);
  return result;
}

std::string sha256_hex(std::string_view bytes) {
  Digest digest(DigestKind::sha256);
  digest.update(bytes);
  return to_hex(digest.finish());
}

std::string sha256_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw system_error("cannot read " + file.string());
  Digest digest(DigestKind::sha256);
  std::vector<char> buffer(1 << 16);
  while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), in.gcount() > 0) {
    digest.update({buffer.data(), static_cast<std::size_t>(in.gcount())});
  }
  if (in.bad()) throw system_error("cannot read " + file.string());
  return to_hex(digest.finish());
}

std::string to_hex(std::span<const unsigned char> bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const unsigned char byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

std::string to_base64(std::span<const unsigned char> bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::optional<std::vector<unsigned char>> from_base64(std::string_view text) {
  // OpenSSL would take white space around it, too, and counts the padding as bytes.
  const std::size_t end = std::min(text.find_last_not_of('='), text.size() - 1) + 1;
  const std::size_t padding = text.size() - end;
  constexpr const char* alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() % 4 != 0 || padding > 2 || text.substr(0, end).find_first_not_of(alphabet) != text.npos) {
    return std::nullopt;
  }
  std::vector<unsigned char> bytes(text.size() / 4 * 3);
  EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()),
                  static_cast<int>(text.size()));
  bytes.resize(bytes.size() - padding);
  return bytes;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  // The lengths are no secret here: secrets of a kind all have one length.
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::map<std::string, std::string> parse_sha256_sums(const std::string& text) {
  constexpr std::size_t digits = 64;
  std::map<std::string, std::string> sums;
  for (const std::string& raw : split(text, '\n')) {
    const std::string_view line = trim(raw);
    if (line.size() < digits + 3 || line[digits] != ' ') continue;
    const std::string sum = lower(line.substr(0, digits));
    if (sum.find_first_not_of("0123456789abcdef") != std::string::npos) continue;
    std::string_view name = trim(line.substr(digits));
    if (name.front() == '*') name.remove_prefix(1);
    sums.emplace(name, sum);
  }
  return sums;
}

}  // namespace opencat
