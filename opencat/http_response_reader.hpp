// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "opencat/http_client.hpp"

namespace opencat {

/// Reads one HTTP/1.1 answer (RFC 9112) from bytes that arrive piece by piece, cut anywhere. Interim answers
/// (1xx) are passed over, trailers too. It is the answer to a GET or POST: one to HEAD would look as if its
/// body were lacking.
class HttpResponseReader {
 public:
  /// Longer heads and trailers are a failure.
  static constexpr std::size_t max_head_bytes = 256 << 10;

  /// Takes a piece and gives what there is of the body in it, moved together within `data`: without the
  /// framing, so that one piece in is at most one piece out. What came before a failure is given, too.
  std::string_view feed(char* data, std::size_t size);
  /// The peer will send no more, which ends the bodies that say no length.
  void end_of_input();

  /// Whether any byte came.
  bool begun() const { return begun_; }
  bool has_head() const { return state_ > State::head; }
  /// Once it has_head(): the final status, and the headers, which may be taken away.
  int status() const { return status_; }
  HttpHeaders& headers() { return headers_; }

  bool complete() const { return state_ == State::complete; }
  /// What is wrong with the answer; "" as long as nothing is. It is read no further then.
  const std::string& failure() const { return failure_; }
  /// Once complete(): whether the connection may serve another request, which it may not when bytes followed
  /// that nobody asked for.
  bool reusable() const { return keep_alive_ && !leftover_; }

 private:
  enum class State { head, to_length, to_close, chunk_size, chunk, chunk_end, trailer, complete };

  /// Each takes bytes away from `input`; false: it needs more of them.
  bool read_head(std::string_view& input);
  bool read_line(std::string_view& input);
  bool pass_body(std::string_view& input, char*& target);
  bool read_chunk_size(std::string_view& input);
  bool step(std::string_view& input, char*& target);

  void parse_head();
  bool parse_status(std::string_view line);
  void parse_headers(std::string_view lines);
  void choose_framing();
  bool fail(std::string why);

  State state_ = State::head;
  std::string line_;  ///< of the head all that is here; in a chunked body the begin of a size line or trailer
  std::size_t seen_ = 0;  ///< of trailers
  int status_ = 0;
  HttpHeaders headers_;
  std::uint64_t left_ = 0;  ///< of the body, or of a chunk
  std::string failure_;
  bool begun_ = false;
  bool is_http_1_0_ = false;
  bool keep_alive_ = false;
  bool leftover_ = false;
};

}  // namespace opencat
