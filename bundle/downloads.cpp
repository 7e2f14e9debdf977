// SPDX-License-Identifier: MIT
#include "bundle/downloads.hpp"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <fstream>
#include <optional>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "bundle/cache_lock.hpp"
#include "opencat/error.hpp"
#include "opencat/retry.hpp"

namespace opencat {

namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

std::string text_of(DigestKind kind, const std::vector<unsigned char>& bytes) {
  return kind == DigestKind::sha256 ? to_hex(bytes) : to_base64(bytes);
}

/// "sha512-" and the digest, with what base64 has of a path's characters replaced.
std::string name_of(const ExpectedDigest& digest) {
  std::string name = (digest.kind == DigestKind::sha256 ? "sha256-" : "sha512-") + digest.text;
  std::replace(name.begin(), name.end(), '/', '_');
  std::replace(name.begin(), name.end(), '+', '-');
  return name;
}

/// The file that a download grows in, hashed as it grows. Beside it stands which server's version it is.
class Part {
 public:
  Part(fs::path file, DigestKind kind) : file_(std::move(file)), kind_(kind), digest_(kind) {
    descriptor_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor_ < 0) throw system_error("cannot write " + file_.string());
    std::vector<char> buffer(1 << 17);
    ssize_t got = 0;
    while ((got = ::read(descriptor_, buffer.data(), buffer.size())) > 0) {
      digest_.update({buffer.data(), static_cast<std::size_t>(got)});
      size_ += static_cast<std::uint64_t>(got);
    }
    if (got < 0) throw system_error("cannot read " + file_.string());
  }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
  ~Part() { ::close(descriptor_); }

  std::uint64_t size() const { return size_; }
  std::string digest() const { return text_of(kind_, digest_.so_far()); }

  void append(std::string_view bytes) {
    digest_.update(bytes);
    size_ += bytes.size();
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw system_error("cannot write " + file_.string());
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  /// The validator of what is here if it came from that URL; else empty.
  std::string validator(const std::string& url) const {
    const Json known = Json::parse(read_file_if_there(notes()).value_or(""), nullptr, false);
    if (!known.is_object() || known.value("url", Json()) != url) return {};
    const Json text = known.value("validator", Json());
    return text.is_string() ? text.get<std::string>() : std::string();
  }
  void note(const std::string& url, const HttpHeaders& headers) const {
    const std::string* etag = find_header(headers, "ETag");
    const std::string* modified = find_header(headers, "Last-Modified");
    // A weak one promises the meaning, not the bytes.
    const bool strong = etag != nullptr && etag->rfind("W/", 0) != 0;
    const std::string validator = strong ? *etag : etag == nullptr && modified != nullptr ? *modified : "";
    const Json known{{"url", url}, {"validator", validator}};
    // Not atomically: half of it after a kill is as good as none, and there is no temporary file to be left.
    std::ofstream(notes()) << known.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  void remove() const {
    std::error_code ignored;
    fs::remove(file_, ignored);
    fs::remove(notes(), ignored);
  }

 private:
  fs::path notes() const { return file_.string() + ".json"; }

  fs::path file_;
  DigestKind kind_;
  Digest digest_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

/// A URL without its query, which may hold a secret.
std::string place_of(const HttpRequest& request) { return request.url.substr(0, request.url.find('?')); }

/// One request for what is missing, and the part filled with what came.
class Transfer {
 public:
  Transfer(const Download& what, Part& part, ArrivingFile& arriving, Progress& progress)
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
  Part& part_;
  ArrivingFile& arriving_;
  Progress& progress_;
  std::uint64_t begin_ = 0;
  std::uint64_t skip_ = 0;
  bool first_ = true;
  bool skip_from_start_ = false;
};

/// Asks until all has come.
void fill(const Download& what, Part& part, ArrivingFile& arriving, HttpClient& http, Progress& progress,
          const std::stop_token& stop) {
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

ArrivingFile::ArrivingFile(const fs::path& file) : descriptor_(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ < 0) throw system_error("cannot read " + file.string());
}

ArrivingFile::~ArrivingFile() { ::close(descriptor_); }

std::size_t ArrivingFile::read(char* buffer, std::size_t size) {
  std::uint64_t there = 0;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return there_ > read_ || state_ != State::arriving; });
    if (state_ == State::broken) throw Error(ErrorKind::interrupted, "interrupted");
    there = there_;
  }
  const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size, there - read_));
  const ssize_t got = wanted == 0 ? 0 : ::read(descriptor_, buffer, wanted);
  if (got < 0) throw system_error("cannot read what was downloaded");
  read_ += static_cast<std::uint64_t>(got);
  return static_cast<std::size_t>(got);
}

void ArrivingFile::has(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  there_ = bytes;
  changed_.notify_all();
}

void ArrivingFile::is_whole() {
  const std::lock_guard lock(mutex_);
  state_ = State::whole;
  changed_.notify_all();
}

void ArrivingFile::breaks_off() {
  const std::lock_guard lock(mutex_);
  if (state_ == State::arriving) state_ = State::broken;
  changed_.notify_all();
}

VerifiedFile::~VerifiedFile() {
  std::error_code ignored;
  fs::remove(file_, ignored);
  fs::remove(file_.string() + ".json", ignored);
}

std::unique_ptr<VerifiedFile> Downloads::fetch(const Download& what, const Reader& reader, Progress& progress,
                                               std::stop_token stop) {
  make_folders(folder_, 0700);
  const fs::path file = folder_ / name_of(what.digest);
  auto lock = wait_for_lock(file.string() + ".lock", what.title, progress, stop);
  for (bool again = false;; again = true) {
    Part part(file, what.digest.kind);
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
