// SPDX-License-Identifier: MIT
#include "bundle/downloads.hpp"

#include <algorithm>
#include <exception>
#include <thread>
#include <vector>

#include "bundle/cache_lock.hpp"
#include "bundle/download_part.hpp"
#include "bundle/resumable_download.hpp"
#include "opencat/error.hpp"

namespace opencat {

namespace fs = std::filesystem;

namespace {

/// "sha512-" and the digest, with what base64 has of a path's characters replaced. The digest is a server's
/// word: one that can be none must not become a file's name.
std::string name_of(const ExpectedDigest& digest, const std::string& title) {
  const bool hex = digest.kind == DigestKind::sha256;
  const std::string_view letters =
      hex ? "0123456789abcdef" : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
  const std::size_t length = hex ? 64 : 88;
  if (digest.text.size() != length || digest.text.find_first_not_of(letters) != std::string::npos) {
    throw Error(ErrorKind::integrity,
                "the checksum that is promised for " + title + " is none; use another source");
  }
  std::string name = (hex ? "sha256-" : "sha512-") + digest.text;
  std::replace(name.begin(), name.end(), '/', '_');
  std::replace(name.begin(), name.end(), '+', '-');
  return name;
}

/// A URL without its query, which may hold a secret.
std::string place_of(const HttpRequest& request) { return request.url.substr(0, request.url.find('?')); }

/// The reader's thread, what it threw, and its end.
class Reading {
 public:
  Reading(const Downloads::Reader& reader, ArrivingFile& arriving, std::stop_source& stop)
      : arriving_(arriving) {
    if (!reader) return;
    thread_ = std::jthread([this, &reader, &stop] {
      try {
        reader(arriving_);
      } catch (const Error& error) {
        thrown_ = std::current_exception();
        // Whether bad bytes are damaged ones only the digest of them all tells; any other failure ends it.
        if (error.kind() != ErrorKind::integrity) stop.request_stop();
      } catch (...) {
        thrown_ = std::current_exception();
        stop.request_stop();
      }
    });
  }
  /// Waits for it; what it threw, or nullptr.
  std::exception_ptr join() {
    if (thread_.joinable()) thread_.join();
    return thrown_;
  }
  /// The same, letting it end though not all has come.
  std::exception_ptr break_off() {
    arriving_.breaks_off();
    return join();
  }
  ~Reading() { break_off(); }

 private:
  ArrivingFile& arriving_;
  std::exception_ptr thrown_;
  std::jthread thread_;
};

bool is_interruption(const std::exception_ptr& thrown) {
  try {
    if (thrown) std::rethrow_exception(thrown);
  } catch (const Error& error) {
    return error.kind() == ErrorKind::interrupted;
  } catch (...) {
    return false;
  }
  return true;
}

}  // namespace

VerifiedFile::~VerifiedFile() {
  std::error_code ignored;
  fs::remove(file_, ignored);
  fs::remove(file_.string() + ".json", ignored);
}

std::unique_ptr<VerifiedFile> Downloads::fetch(const Download& what, const Reader& reader, Progress& progress,
                                               std::stop_token stop) {
  make_folders(folder_, 0700);
  const fs::path file = folder_ / name_of(what.digest, what.title);
  auto lock = wait_for_lock(file.string() + ".lock", what.title, progress, stop);
  for (bool again = false;; again = true) {
    DownloadPart part(file, what.digest.kind);
    const bool resumed = part.size() > 0;
    ArrivingFile arriving(file);
    arriving.has(part.size());
    std::stop_source stopped;
    const std::stop_callback pass_on(stop, [&] { stopped.request_stop(); });
    Reading reading(reader, arriving, stopped);
    try {
      // A process that was killed may have had it all.
      if (part.digest() != what.digest.text) {
        const ResumableDownload transfer{what.title, what.request, Proof::digest,
                                         [&](std::uint64_t bytes) { arriving.has(bytes); }};
        fill(transfer, part, http_, progress, stopped.get_token());
      }
    } catch (...) {
      // Its own failure is what ended the download, unless it ended because of it.
      const auto thrown = reading.break_off();
      if (!is_interruption(thrown)) std::rethrow_exception(thrown);
      throw;
    }
    arriving.is_whole();
    const auto thrown = reading.join();
    const std::string found = part.digest();
    if (found == what.digest.text) {
      auto verified = std::make_unique<VerifiedFile>(file, std::move(lock));
      if (thrown) std::rethrow_exception(thrown);
      return verified;
    }
    part.remove();
    if (!resumed || again) {
      throw Error(ErrorKind::integrity,
                  what.title +
                      " is not what its source promised (its checksum differs); nothing of it was "
                      "kept. Try again, or another source",
                  "expected " + what.digest.text + ", got " + found + " from " + place_of(what.request));
    }
    progress.say("what was there of " + what.title + " does not fit; beginning again");
  }
}

void Downloads::remove_leftovers(const fs::path& folder) {
  std::error_code ignored;
  std::vector<fs::path> locks;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".lock") locks.push_back(entry.path());
  }
  for (const fs::path& lock : locks) {
    try {
      const FileLock held(lock, FileLock::Wait::never, "busy");
      const fs::path file = fs::path(lock).replace_extension();
      fs::remove(file, ignored);
      fs::remove(file.string() + ".json", ignored);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unavailable) throw;
    }
  }
}

}  // namespace opencat
