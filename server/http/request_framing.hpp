// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace opencat::http {

struct FramingLimits {
  std::size_t max_head_bytes = 32 << 10;
  std::uint64_t max_body_bytes = 10 << 20;
};

/// Finds where a request ends in the bytes that have arrived (RFC 9112, section 6), so that it can be parsed
/// when it is whole. It looks only at what says how long a request is and refuses all that two servers could
/// read differently: a request smuggled past a proxy begins there.
class RequestFraming {
 public:
  enum class State {
    more,             ///< wait for more bytes
    continue_wanted,  ///< the head is whole, and the client waits for "100 Continue"; told once
    whole,            ///< the first size() bytes are one request
    refused,          ///< answer with status() and close
  };

  explicit RequestFraming(FramingLimits limits) : limits_(limits) {}

  /// `buffer` begins with the request and holds all that came of it so far, each time more.
  State look(std::string_view buffer);
  std::size_t size() const { return size_; }
  /// Where the fields behind the last chunk begin, up to size() - 2; 0: there are none. Nobody here reads
  /// them, and httplib refuses a request that has them.
  std::size_t trailer_at() const { return trailer_at_; }
  int status() const { return status_; }
  /// Whether the head has arrived: what is missing is the body.
  bool in_body() const { return head_size_ > 0; }

  /// Ready for the next request.
  void reset() { *this = RequestFraming(limits_); }

 private:
  State refuse(int status);
  State read_head(std::string_view head);
  State look_at_chunks(std::string_view buffer);

  FramingLimits limits_;
  std::size_t searched_ = 0;   ///< no end of head before this
  std::size_t head_size_ = 0;  ///< 0 until the head is whole
  std::uint64_t content_length_ = 0;
  bool chunked_ = false;
  bool expects_continue_ = false;
  std::size_t chunk_at_ = 0;       ///< where the next chunk's size line begins
  std::uint64_t chunk_bytes_ = 0;  ///< of all chunks so far
  bool in_trailer_ = false;
  std::size_t trailer_at_ = 0;
  std::size_t size_ = 0;
  int status_ = 0;
};

}  // namespace opencat::http
