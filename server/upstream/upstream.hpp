// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "opencat/clock.hpp"
#include "opencat/http_transfers.hpp"
#include "server/upstream/endpoint.hpp"

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
  std::string content_type = "application/json";
  std::shared_ptr<UploadSource> upload = {};  ///< instead of `body`
  /// The client's own that mean something to the upstream, e.g. "anthropic-version".
  HttpHeaders headers = {};
};

/// Whose API an upstream speaks, and so which calls it takes.
enum class UpstreamKind {
  openai,     ///< all of them; the key is a bearer token
  anthropic,  ///< /messages only; the key goes in x-api-key
  demo,       ///< the built-in one: /chat/completions only
};

/// One upstream, as the operator describes it.
struct UpstreamConfig {
  std::string name;  ///< for logs, metrics and the admin page; unique
  UpstreamKind kind = UpstreamKind::openai;
  std::string base_url;                        ///< e.g. "https://api.example.com/v1"
  std::string key;                             ///< empty: none is sent
  std::vector<std::string> models;             ///< by the upstream's names, its default first
  std::map<std::string, std::string> aliases;  ///< a name for clients → the upstream's name
  int priority = 1;                            ///< the lowest number is asked first
  int weight = 1;                              ///< the share among those of one priority
  std::size_t max_concurrent = 0;              ///< calls at once; 0: no cap
  TransferLimits limits;

  bool operator==(const UpstreamConfig&) const = default;
};

/// Something that answers OpenAI's API: a server far away, or the built-in demo. Any loop's thread may call
/// it.
class Upstream {
 public:
  virtual ~Upstream() = default;
  /// Starts a call in the given loop; `listener` hears of it like of any transfer and must outlive the
  /// Transfer.
  virtual std::unique_ptr<Transfer> start(UpstreamLoop& loop, UpstreamRequest request,
                                          TransferListener& listener) = 0;
  /// Asks whether it is there, without using anything (GET /models). Null: it always is.
  virtual std::unique_ptr<Transfer> probe(UpstreamLoop& loop, TransferListener& listener) = 0;
};

std::unique_ptr<Upstream> make_http_upstream(const UpstreamConfig& config);

/// Answers from within: streams Markdown, code and Chinese, so that everything can be tried with no account
/// anywhere. Its one model is `demo_model`.
std::unique_ptr<Upstream> make_demo_upstream(Clock& clock);
inline constexpr const char* demo_model = "opencat-demo";

}  // namespace opencat
