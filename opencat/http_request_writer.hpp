// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "opencat/http_client.hpp"
#include "opencat/http_links.hpp"
#include "opencat/http_target.hpp"

namespace opencat {

/// Writes one HTTP/1.1 request (RFC 9112) to a link, as fast as that takes it and its body comes.
class HttpRequestWriter {
 public:
  /// `request` must outlive it, or its writing. `on_upload`: more of an upload is there, so write on.
  HttpRequestWriter(const HttpRequest& request, const HttpTarget& target, const std::string& user_agent,
                    std::function<void()> on_upload);
  ~HttpRequestWriter() { stop(); }
  HttpRequestWriter(const HttpRequestWriter&) = delete;
  HttpRequestWriter& operator=(const HttpRequestWriter&) = delete;

  /// Sends what can be sent; whether any of it went. Throws Error when the upload cannot be read: stop()
  /// then.
  bool write(HttpLink& link);
  /// Nothing more is sent, and nobody is asked for more.
  void stop();
  /// Begins again, for another link; false: the upload's begin is not kept.
  bool rewind();

  bool has_sent_all() const { return !stopped_ && sent_ == out_.size() && body_left_.empty() && !uploads_; }
  bool stopped() const { return stopped_; }
  bool waits_for_upload() const { return upload_waits_; }
  /// Whether the link should say when it takes more.
  bool waits_for_link() const { return !stopped_ && !has_sent_all() && !upload_waits_; }

 private:
  void begin();
  bool write_piece(HttpLink& link);
  void take_upload();

  const HttpRequest& request_;
  const HttpTarget& target_;
  const std::string& user_agent_;
  std::function<void()> on_upload_;
  std::optional<std::uint64_t> length_;  ///< of the body; nothing: it goes in chunks
  std::string out_;                      ///< what is sent first,
  std::string_view body_left_;           ///< and what then, of the request's body
  std::size_t sent_ = 0;                 ///< of out_
  bool uploads_ = false;                 ///< there is more to come of request_.upload
  bool upload_waits_ = false;
  bool stopped_ = false;
};

}  // namespace opencat
