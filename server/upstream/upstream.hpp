// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "opencat/clock.hpp"
#include "opencat/http_transfers.hpp"

namespace opencat {

/// What an upstream needs of the loop that a call to it runs in.
struct UpstreamLoop {
  EventLoop& loop;
  HttpTransfers& transfers;
};

/// One call to an upstream's API.
struct UpstreamRequest {
  std::string path;  ///< below the base URL, e.g. "/chat/completions"
  std::string body;
  bool stream = false;
};

/// Something that answers OpenAI's API: a server far away, or the built-in demo. Any loop's thread may call
/// it.
class Upstream {
 public:
  virtual ~Upstream() = default;
  /// The models it offers, its default first.
  virtual const std::vector<std::string>& models() const = 0;
  /// Starts a call in the given loop; `listener` hears of it like of any transfer and must outlive the
  /// Transfer.
  virtual std::unique_ptr<Transfer> start(UpstreamLoop& loop, UpstreamRequest request,
                                          TransferListener& listener) = 0;
};

struct HttpUpstreamOptions {
  std::string base_url;  ///< e.g. "https://api.example.com/v1"
  std::string key;       ///< sent as a bearer token; empty: none
  std::vector<std::string> models;
  TransferLimits limits;
};

std::unique_ptr<Upstream> make_http_upstream(HttpUpstreamOptions options);

/// Answers from within: streams Markdown, code and Chinese, so that everything can be tried with no account
/// anywhere.
std::unique_ptr<Upstream> make_demo_upstream(Clock& clock);

}  // namespace opencat
