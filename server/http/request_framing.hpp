// SPDX-License-Identifier: MIT
// Where a request's head and body end in the bytes that arrive (RFC 9112, sections 2 and 6). All is refused
// that two servers could read differently: a request smuggled past a proxy begins there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace opencat::http {

struct FramingLimits {
  std::size_t max_head_bytes = 32 << 10;
  std::uint64_t max_body_bytes = 10 << 20;     ///< of a body that is kept until it is whole
  std::uint64_t max_upload_bytes = 100 << 20;  ///< of one that a handler takes as it arrives
};

/// What a head says of the body behind it.
struct BodyFacts {
  bool chunked = false;      ///< its length is not known before its end
  std::uint64_t length = 0;  ///< else this
  bool expects_continue = false;

  bool empty() const { return !chunked && length == 0; }
};

/// Finds the end of a head and what it says of the body.
class HeadFraming {
 public:
  enum class State {
    more,     ///< wait for more bytes
    whole,    ///< the first size() bytes are a head, its empty line with it
    refused,  ///< answer with status() and close
  };

  explicit HeadFraming(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// `buffer` begins with the request and holds all that came of it so far, each time more.
  State look(std::string_view buffer);
  std::size_t size() const { return size_; }
  int status() const { return status_; }
  const BodyFacts& body() const { return body_; }
  /// The values of all X-Forwarded-For headers as one list, in the order in which they stand, which says who
  /// added which.
  const std::string& forwarded_for() const { return forwarded_for_; }

  /// Ready for the next request.
  void reset() { *this = HeadFraming(max_bytes_); }

 private:
  State refuse(int status);
  State read(std::string_view head);

  std::size_t max_bytes_;
  std::size_t searched_ = 0;  ///< no end of head before this
  std::size_t size_ = 0;
  BodyFacts body_;
  std::string forwarded_for_;
  int status_ = 0;
};

/// Takes a body apart as it arrives: keeps nothing of it. Trailers are read over; nobody here wants them.
class BodyFraming {
 public:
  enum class State {
    more,     ///< nothing can be taken without more bytes
    piece,    ///< `piece` is the next of the body, and there may be another
    whole,    ///< the body has ended
    refused,  ///< answer with status() and close
  };
  struct Step {
    State state;
    std::string_view piece;    ///< points into the bytes given
    std::size_t consumed = 0;  ///< of the bytes given; the rest is to be given again
  };

  BodyFraming(const BodyFacts& facts, std::uint64_t max_bytes);

  Step next(std::string_view bytes);
  bool whole() const { return phase_ == Phase::done; }
  /// Of the body, so far.
  std::uint64_t taken() const { return taken_; }
  int status() const { return status_; }

 private:
  enum class Phase { counted, size_line, chunk, chunk_end, trailer, done };
  Step take(std::string_view bytes, std::size_t skipped);
  bool read_line(std::string_view line);
  bool refuse(int status);

  std::uint64_t max_bytes_;
  Phase phase_;
  std::uint64_t left_ = 0;  ///< of the body, or of the chunk
  std::uint64_t taken_ = 0;
  std::uint64_t around_ = 0;  ///< bytes that were not body: size lines, trailers
  int status_ = 0;
};

}  // namespace opencat::http
