// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace opencat {

enum class DigestKind { sha256, sha512 };

/// A digest made piece by piece. Not for use from two threads at once.
class Digest {
 public:
  explicit Digest(DigestKind kind);
  /// A copy goes on on its own: many digests of bytes that begin alike.
  Digest(const Digest& other);
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;
  ~Digest();

  void update(std::string_view bytes);
  /// The digest of all that was given so far.
  std::vector<unsigned char> so_far() const;
  /// The digest of all that was given; the object cannot be used after it.
  std::vector<unsigned char> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// SHA-256 of `bytes` in lower-case hex.
std::string sha256_hex(std::string_view bytes);
/// SHA-256 of a file's content in lower-case hex; throws Error when it cannot be read.
std::string sha256_file(const std::filesystem::path& file);

/// A list as sha256sum(1) writes it, in either of its modes: file name → lower-case hex. Other lines do not
/// count.
std::map<std::string, std::string> parse_sha256_sums(const std::string& text);

std::string to_hex(std::span<const unsigned char> bytes);
/// Base64 with padding (RFC 4648, section 4).
std::string to_base64(std::span<const unsigned char> bytes);
/// Its bytes; nothing when the text is no base64 with its padding.
std::optional<std::vector<unsigned char>> from_base64(std::string_view text);

/// Whether the two are equal, in a time that does not depend on where they differ.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace opencat
