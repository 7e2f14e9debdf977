// SPDX-License-Identifier: MIT
#include "bundle/resumable_download.hpp"

#include <algorithm>
#include <optional>

#include "bundle/download.hpp"
#include "opencat/error.hpp"
#include "opencat/retry.hpp"

namespace opencat {

namespace {

/// A URL without its query, which may hold a secret.
std::string place_of(const HttpRequest& request) { return request.url.substr(0, request.url.find('?')); }

/// One request for what is missing, and the part filled with what came.
class Try {
 public:
  Try(const ResumableDownload& what, DownloadPart& part, Progress& progress)
      : what_(what), part_(part), progress_(progress) {}

  HttpResponse run(HttpClient& http, const std::stop_token& stop) {
    HttpRequest request = what_.request;
    const std::string validator = part_.validator(place_of(request));
    if (validator.empty() && what_.proof == Proof::validator) part_.restart();
    begin_ = part_.size();
    first_ = true;
    skip_ = 0;
    if (begin_ > 0) {
      request.headers.emplace_back("Range", "bytes=" + std::to_string(begin_) + "-");
      if (!validator.empty()) request.headers.emplace_back("If-Range", validator);
    }
    return http.download(
        request, [&](const HttpResponse& head, std::string_view piece) { take(head, piece); },
        [&](std::uint64_t done, std::uint64_t total) {
          const std::uint64_t before = from_start_ ? 0 : begin_;
          progress_.advance(what_.title, before + done, total == 0 ? 0 : before + total);
        },
        stop);
  }

 private:
  void take(const HttpResponse& head, std::string_view piece) {
    if (first_) {
      first_ = false;
      begin_with(head);
    }
    const std::size_t skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, piece.size()));
    skip_ -= skipped;
    piece.remove_prefix(skipped);
    if (piece.empty()) return;
    part_.append(piece);
    if (what_.on_growth) what_.on_growth(part_.size());
  }

  void begin_with(const HttpResponse& head) {
    // All of it, though a part was asked for. Where the digest tells, what is here is taken for its begin;
    // else the server has just said that it is of another file.
    from_start_ = head.status == 200;
    if (from_start_ && what_.proof == Proof::validator) part_.restart();
    skip_ = from_start_ ? part_.size() : 0;
    const std::string* range = find_header(head.headers, "Content-Range");
    const std::string wanted = "bytes " + std::to_string(begin_) + "-";
    if (head.status == 206 && (range == nullptr || range->rfind(wanted, 0) != 0)) {
      throw Error(ErrorKind::network, place_of(what_.request) + " sent another part than was asked for");
    }
    part_.note(place_of(what_.request), head.headers);
  }

  const ResumableDownload& what_;
  DownloadPart& part_;
  Progress& progress_;
  std::uint64_t begin_ = 0;
  std::uint64_t skip_ = 0;
  bool first_ = true;
  bool from_start_ = false;
};

/// Whether a 416 says that nothing is behind what is here. With a digest that tells by itself.
bool says_whole(const HttpResponse& response, const ResumableDownload& what, std::uint64_t here) {
  if (what.proof == Proof::digest) return true;
  const std::string* range = find_header(response.headers, "Content-Range");
  return range != nullptr && *range == "bytes */" + std::to_string(here);
}

}  // namespace

void fill(const ResumableDownload& what, DownloadPart& part, HttpClient& http, Progress& progress,
          const std::stop_token& stop) {
  struct Ended {
    Progress& progress;
    const std::string& title;
    ~Ended() { progress.end(title); }
  } const ended{progress, what.title};
  Backoff backoff(http.options().retries);
  Try next(what, part, progress);
  for (;;) {
    const std::uint64_t before = part.size();
    std::optional<std::chrono::milliseconds> asked;
    std::optional<Error> failure;
    try {
      const HttpResponse response = next.run(http, stop);
      if (response.status == 416 && part.size() > 0) {
        if (says_whole(response, what, part.size())) return;
        part.restart();
        continue;
      }
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

}  // namespace opencat
