// SPDX-License-Identifier: MIT
// Conditions and ranges of a GET for bytes that are known whole: RFC 9110, sections 13 and 14.
#pragma once

#include <cstdint>
#include <string>

#include "server/http/message.hpp"

namespace opencat::http {

/// How such a request is to be answered.
struct RangeAnswer {
  int status = 200;           ///< 200, 206, 304, 412 or 416
  std::uint64_t first = 0;    ///< of the bytes to be sent, with 200 and 206
  std::uint64_t length = 0;   ///< how many
  std::string content_range;  ///< that header's value, with 206 and 416; else empty
};

/// `etag` is strong, with its quotes, and `size` how many bytes there are. If-Match and If-None-Match come
/// first, then If-Range and Range (section 13.2.2). Of Range one range of bytes is honoured; several, another
/// unit, and what cannot be read are answered whole, as section 14.2 allows; a date in If-Range is never
/// taken, since no Last-Modified is given.
RangeAnswer answer_range(const Request& request, const std::string& etag, std::uint64_t size);

/// Whether If-None-Match has that strong `etag`, with its quotes, or "*" (section 13.1.2: a weak one is as
/// good).
bool is_known(const Request& request, const std::string& etag);

}  // namespace opencat::http
