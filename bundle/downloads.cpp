// SPDX-License-Identifier: MIT
#include "bundle/downloads.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <thread>
#include <vector>

#include "bundle/cache_lock.hpp"
#include "bundle/download_part.hpp"
#include "opencat/error.hpp"
#include "opencat/retry.hpp"

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

/// One request for what is missing, and the part filled with what came.
class Transfer {
 public:
  Transfer(const Download& what, DownloadPart& part, ArrivingFile& arriving, Progress& progress)
      : what_(what), part_(part), arriving_(arriving), progress_(progress) {}

  HttpResponse run(HttpClient& http, const std::stop_token& stop) {
    HttpRequest request = what_.request;
    begin_ = part_.size();
    first_ = true;
    skip_ = 0;
    if (begin_ > 0) {
      request.headers.emplace_back("Range", "bytes=" + std::to_string(begin_) + "-");
      const std::string validator = part_.validator(place_of(request));
      if (!validator.empty()) request.headers.emplace_back("If-Range", validator);
    }
    return http.download(
        request, [&](const HttpResponse& head, std::string_view piece) { take(head, piece); },
        [&](std::uint64_t done, std::uint64_t total) {
          const std::uint64_t before = skip_from_start_ ? 0 : begin_;
          progress_.advance(what_.title, before + done, total == 0 ? 0 : before + total);
        },
        stop);
  }

 private:
  void take(const HttpResponse& head, std::string_view piece) {
    if (first_) {
      first_ = false;
      // All of it, though a part was asked for: the begin is here. The digest tells if it was another one.
      skip_from_start_ = head.status == 200;
      skip_ = skip_from_start_ ? begin_ : 0;
      const std::string* range = find_header(head.headers, "Content-Range");
      const std::string wanted = "bytes " + std::to_string(begin_) + "-";
      if (head.status == 206 && (range == nullptr || range->rfind(wanted, 0) != 0)) {
        throw Error(ErrorKind::network, place_of(what_.request) + " sent another part than was asked for");
      }
      part_.note(place_of(what_.request), head.headers);
    }
    const std::size_t skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, piece.size()));
    skip_ -= skipped;
    piece.remove_prefix(skipped);
    if (piece.empty()) return;
    part_.append(piece);
    arriving_.has(part_.size());
  }

  const Download& what_;
  DownloadPart& part_;
  ArrivingFile& arriving_;
  Progress& progress_;
  std::uint64_t begin_ = 0;
  std::uint64_t skip_ = 0;
  bool first_ = true;
  bool skip_from_start_ = false;
};

/// Asks until all has come.
void fill(const Download& what, DownloadPart& part, ArrivingFile& arriving, HttpClient& http,
          Progress& progress, const std::stop_token& stop) {
  struct Ended {
    Progress& progress;
    const std::string& title;
    ~Ended() { progress.end(title); }
  } const ended{progress, what.title};
  Backoff backoff(http.options().retries);
  Transfer transfer(what, part, arriving, progress);
  for (;;) {
    const std::uint64_t before = part.size();
    std::optional<std::chrono::milliseconds> asked;
    std::optional<Error> failure;
    try {
      const HttpResponse response = transfer.run(http, stop);
      // Nothing is behind what is here; the digest tells whether that is all.
      if (response.status == 416 && before > 0) return;
      if (!is_transient(response.status)) return expect_success(response, what.title);
      asked = retry_after(response.headers, SystemClock().now());
      try {
        expect_success(response, what.title);
      } catch (const Error& error) {
        failure = error;
      }
    } catch (const Error& error) {
      const bool passes =
          error.kind() == ErrorKind::network || (error.kind() == ErrorKind::timeout && part.size() > before);
      if (!passes) throw;
      failure = error;
    }
    if (part.size() > before) backoff.reset();
    if (!backoff.wait(asked, stop)) throw *failure;
  }
}

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
      if (part.digest() != what.digest.text) fill(what, part, arriving, http_, progress, stopped.get_token());
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
