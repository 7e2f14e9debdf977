// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "opencat/digest.hpp"
#include "opencat/http_client.hpp"

namespace opencat {

/// The file that a download grows in, hashed as it grows. In a file beside it, named .json, stands which
/// server's version it is. For one thread.
class DownloadPart {
 public:
  /// Goes on with what is in `file`, or makes it with mode 0600.
  DownloadPart(std::filesystem::path file, DigestKind kind);
  DownloadPart(const DownloadPart&) = delete;
  DownloadPart& operator=(const DownloadPart&) = delete;
  ~DownloadPart();

  std::uint64_t size() const { return size_; }
  /// Of what is here: SHA-256 in lower-case hex, SHA-512 in base64.
  std::string digest() const;
  void append(std::string_view bytes);
  /// Throws away what is here.
  void restart();

  /// What If-Range wants if what is here came from that URL: a strong ETag, or a date; else empty.
  std::string validator(const std::string& url) const;
  void note(const std::string& url, const HttpHeaders& headers) const;
  void remove() const;

 private:
  std::filesystem::path notes() const { return file_.string() + ".json"; }

  std::filesystem::path file_;
  DigestKind kind_;
  Digest digest_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace opencat
