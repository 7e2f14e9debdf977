// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace opencat {

/// Names compare without regard to case; a name may stand more than once.
using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

/// The first value of the header, or nullptr.
const std::string* find_header(const HttpHeaders& headers, std::string_view name);

/// Whether it may stand in a head: a line end within would begin another header, or another request.
bool fits_in_head(std::string_view text);

/// A body that arrives while it is sent; only HttpTransfers take one. All calls belong to one loop's thread.
class UploadSource {
 public:
  virtual ~UploadSource() = default;
  /// Its whole length; nothing: not known before its end.
  virtual std::optional<std::uint64_t> length() const = 0;
  /// Copies up to `size` bytes and says how many. 0: none are there yet, and `wakeup` is called when some
  /// are; nothing: this was the end.
  virtual std::optional<std::size_t> read(char* target, std::size_t size) = 0;
  /// Begins again, for another connection; false: what was read is not kept.
  virtual bool rewind() = 0;

  std::function<void()> wakeup;  ///< set by whoever reads
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  HttpHeaders headers;
  std::string body;
  std::shared_ptr<UploadSource> upload = {};  ///< instead of `body`
  /// A request that carries a secret in a header of its own does not follow: the other host would get it,
  /// too.
  enum class Redirects { follow, refuse } redirects = Redirects::follow;
  std::uint64_t max_body_bytes = 0;  ///< 0: the client's limit
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;
  std::string body;
  /// Where redirects led.
  std::string final_url;
};

/// Times are milliseconds; 0 is no limit.
struct HttpLimits {
  std::uint32_t connect_timeout_ms = 10'000;
  /// Longest time in which no byte may arrive: a stalled transfer ends, a long one goes on.
  std::uint32_t stall_timeout_ms = 30'000;
  /// Longest body in memory, or given to a sink.
  std::uint64_t max_body_bytes = 512ull << 20;
};

/// Which addresses may be asked without TLS.
enum class PlainHttp { loopback_only, anywhere };

struct HttpClientOptions {
  std::string user_agent;
  /// A PEM file with certificates to trust instead of the system's; empty: the system's.
  std::string ca_file;
  /// A proxy's URL, which may hold a password, and the hosts that are asked without it, with commas; empty:
  /// what the environment says.
  std::string proxy = {};
  std::string no_proxy = {};
  /// Redirects may never lead from https to http, whatever this says; a loopback address does not lead to a
  /// plain one elsewhere either.
  PlainHttp plain_http = PlainHttp::loopback_only;
  HttpLimits limits;
  /// How often send() tries again, with pauses (opencat/retry.hpp), when a GET broke off or got an answer
  /// that may be another one next time. Not after a timeout: that was waiting enough.
  int retries = 0;
};

/// Takes the next piece of a body, whose status and headers are in `head`; throwing ends the transfer, and
/// the exception reaches the caller.
using BodySink = std::function<void(const HttpResponse& head, std::string_view piece)>;
/// Bytes of the body so far, and in all (0 when not known).
using BodyProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

/// HTTP from the command line: one call, one answer. Proxies come from the usual environment variables
/// (libcurl reads HTTPS_PROXY, NO_PROXY and so on). Any thread may call it; connections are kept for the next
/// call.
///
/// Throws Error(network or timeout) when no answer came, Error(usage) for an address it may not ask,
/// Error(interrupted) when `stop` was requested. An answer with any status is an answer.
class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// The answer with its body in memory, at most `max_body_bytes`.
  HttpResponse send(const HttpRequest& request, std::stop_token stop = {});

  /// The same, but a body with status 200 or 206 goes to `sink` piece by piece as it arrives; other bodies
  /// are kept in the answer.
  HttpResponse download(const HttpRequest& request, const BodySink& sink, const BodyProgress& progress = {},
                        std::stop_token stop = {});

  const HttpClientOptions& options() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The URL's host in lower case, without a last dot; empty when it has none.
std::string host_of(const std::string& url);

/// Whether the URL is asked without TLS at another machine.
bool is_plain_http_elsewhere(const std::string& url);

/// Whether the URL's host is this machine: 127.0.0.0/8, [::1] or localhost.
bool is_loopback_url(const std::string& url);

/// An http or https URL without user, query or fragment, and without its last slashes; throws Error(usage),
/// naming `what`, for anything else.
std::string checked_base_url(const std::string& url, const std::string& what);

}  // namespace opencat
