// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "bundle/arriving_file.hpp"
#include "bundle/download.hpp"
#include "opencat/file.hpp"
#include "opencat/http_client.hpp"
#include "opencat/progress.hpp"

namespace opencat {

/// What is to be downloaded, named by what it must prove to be.
struct Download {
  std::string title;  ///< for people; also names its progress
  HttpRequest request;
  ExpectedDigest digest;
};

/// A file that is what was promised. It goes when this does.
class VerifiedFile {
 public:
  VerifiedFile(std::filesystem::path file, std::unique_ptr<FileLock> lock)
      : file_(std::move(file)), lock_(std::move(lock)) {}
  VerifiedFile(const VerifiedFile&) = delete;
  VerifiedFile& operator=(const VerifiedFile&) = delete;
  ~VerifiedFile();

  const std::filesystem::path& path() const { return file_; }

 private:
  std::filesystem::path file_;
  std::unique_ptr<FileLock> lock_;
};

/// Downloads that survive what interrupts them: a broken connection, Ctrl-C, a kill. What has come of a file
/// stays in `folder`, under the digest that it must have in the end, and the next try, also of another
/// process or from another mirror, goes on behind it (Range, with If-Range where the server gave a strong
/// validator, RFC 9110, section 13.1.5). The digest decides: should the whole not have it, what was kept is
/// thrown away, and if it was a part from before, all of it is asked for once more.
///
/// One process at a time downloads one file; others wait. Any thread may call this.
class Downloads {
 public:
  /// Reads what arrives while it does, in a thread of its own; nothing that comes of it may be used before
  /// fetch() has returned. Called again, from the begin, when all of it must be asked for once more.
  using Reader = std::function<void(ArrivingFile& file)>;

  /// Tries as often as the client's options say, counted anew whenever something came.
  Downloads(std::filesystem::path folder, HttpClient& http) : folder_(std::move(folder)), http_(http) {}

  /// Throws Error(integrity) when the bytes are not what was promised, else what `reader` threw, and as
  /// HttpClient and expect_success().
  std::unique_ptr<VerifiedFile> fetch(const Download& what, const Reader& reader, Progress& progress,
                                      std::stop_token stop);

  /// Removes what was kept and nobody is downloading.
  static void remove_leftovers(const std::filesystem::path& folder);

 private:
  std::filesystem::path folder_;
  HttpClient& http_;
};

}  // namespace opencat
