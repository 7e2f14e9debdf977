// SPDX-License-Identifier: MIT
#include "opencat/http_client.hpp"

#include <algorithm>
#include <exception>
#include <mutex>

#include "opencat/ca_file.hpp"
#include "opencat/curl.hpp"
#include "opencat/retry.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace curl {

void initialise() {
  static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (once != CURLE_OK) throw Error(ErrorKind::failed, "libcurl cannot start");
}

Easy make_easy() {
  initialise();
  Easy easy(curl_easy_init(), &curl_easy_cleanup);
  if (!easy) throw Error(ErrorKind::failed, "out of memory");
  return easy;
}

void apply_limits(CURL* easy, const HttpLimits& limits) {
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits.connect_timeout_ms));
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  // Rounded up: a stall shorter than a second cannot be asked for.
  const long stall_s = (limits.stall_timeout_ms + 999) / 1000;
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, stall_s > 0 ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, stall_s);
}

void trust(CURL* easy, const std::string& ca_file) {
  // libcurl knows the place of the system it was built for; where it has none of its own, it asks the system.
  static const std::string system = [] {
    const char* usual = curl_version_info(CURLVERSION_NOW)->cainfo;
    return usual != nullptr ? system_ca_file(usual) : std::string();
  }();
  const std::string& file = ca_file.empty() ? system : ca_file;
  if (!file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, file.c_str());
  // Windows' TLS asks the issuer whether a certificate still counts; one that a company's proxy made names
  // none to ask.
  curl_easy_setopt(easy, CURLOPT_SSL_OPTIONS, static_cast<long>(CURLSSLOPT_REVOKE_BEST_EFFORT));
}

std::string part_of(CURLU* url, CURLUPart part, unsigned flags) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  std::string result = text;
  curl_free(text);
  return result;
}

std::string printable(const std::string& url) {
  const Url parts(curl_url(), &curl_url_cleanup);
  if (curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return "that address";
  for (const CURLUPart part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT}) {
    curl_url_set(parts.get(), part, nullptr, 0);
  }
  const std::string result = part_of(parts.get(), CURLUPART_URL);
  return result.empty() ? "that address" : result;
}

Error explain(CURLcode code, const std::string& url, const std::string& detail) {
  const std::string where = printable(url);
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return Error(ErrorKind::timeout, where + " did not answer in time; try again, or check the network",
                   detail);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return Error(ErrorKind::network,
                   "the name in " + where + " cannot be resolved; check the address and the network", detail);
    case CURLE_COULDNT_CONNECT:
      return Error(ErrorKind::network,
                   "nothing answers at " + where + "; is it running, and is the address right?", detail);
    case CURLE_SSL_CACERT_BADFILE:
      return Error(ErrorKind::network,
                   "there are no certificates to check " + where +
                       " with; install this system's (ca-certificates), or name a file of your own",
                   detail);
    case CURLE_PEER_FAILED_VERIFICATION:
      return Error(
          ErrorKind::network,
          "the certificate of " + where + " is not trusted; if a proxy of yours signs it, name its CA",
          detail);
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Error(ErrorKind::usage, where + " is not an address this may ask: use https", detail);
    case CURLE_URL_MALFORMAT:
      return Error(ErrorKind::usage, "'" + where + "' is not a web address", detail);
    default:
      return Error(ErrorKind::network, where + " broke off: " + curl_easy_strerror(code), detail);
  }
}

}  // namespace curl

namespace {

using List = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

/// The request's header lines, without libcurl's own `Expect: 100-continue`, which costs a round trip.
List header_list(const HttpHeaders& headers) {
  curl_slist* list = curl_slist_append(nullptr, "Expect:");
  for (const auto& [name, value] : headers) {
    if (!fits_in_head(name) || !fits_in_head(value)) continue;
    // "Name;" is how libcurl is told of a header with an empty value.
    std::string line = name;
    line.append(value.empty() ? ";" : ": ").append(value);
    list = curl_slist_append(list, line.c_str());
  }
  return List(list, &curl_slist_free_all);
}

/// Adds a header line as libcurl's callback gives it; a new status line (after a redirect) empties the list.
void collect_header(HttpHeaders& headers, std::string_view line) {
  if (line.substr(0, 5) == "HTTP/") headers.clear();
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  headers.emplace_back(std::string(trim(line.substr(0, colon))), std::string(trim(line.substr(colon + 1))));
}

/// What the callbacks of one transfer share.
struct Exchange {
  HttpResponse response;
  const BodySink* sink = nullptr;
  const BodyProgress* progress = nullptr;
  std::stop_token stop;
  std::uint64_t max_body_bytes = 0;
  std::uint64_t received = 0;
  PlainHttp plain_http = PlainHttp::loopback_only;
  CURL* easy = nullptr;
  std::exception_ptr thrown;
};

/// Runs `work`, keeping what it throws: no exception may pass through libcurl's C code.
template <class Work>
bool guarded(Exchange& exchange, const Work& work) {
  try {
    work();
    return true;
  } catch (...) {
    exchange.thrown = std::current_exception();
    return false;
  }
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const bool well = guarded(exchange, [&] { collect_header(exchange.response.headers, {data, size}); });
  return well ? size : 0;
}

/// libcurl's rule for redirects knows schemes only, not hosts.
void refuse_plain_redirect(const Exchange& exchange) {
  char* url = nullptr;
  curl_easy_getinfo(exchange.easy, CURLINFO_EFFECTIVE_URL, &url);
  if (exchange.plain_http == PlainHttp::anywhere || url == nullptr || !is_plain_http_elsewhere(url)) return;
  throw Error(ErrorKind::usage, "a redirect leads to " + curl::printable(url) + ", which has no TLS");
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const bool well = guarded(exchange, [&] {
    if (exchange.received == 0) refuse_plain_redirect(exchange);
    exchange.received += size;
    if (exchange.received > exchange.max_body_bytes) {
      throw Error(ErrorKind::integrity, "the answer is larger than " + human_size(exchange.max_body_bytes));
    }
    long status = 0;
    curl_easy_getinfo(exchange.easy, CURLINFO_RESPONSE_CODE, &status);
    exchange.response.status = static_cast<int>(status);
    if (exchange.sink != nullptr && (status == 200 || status == 206)) {
      (*exchange.sink)(exchange.response, {data, size});
    } else {
      exchange.response.body.append(data, size);
    }
  });
  return well ? size : 0;
}

int on_progress(void* user, curl_off_t total, curl_off_t done, curl_off_t, curl_off_t) {
  auto& exchange = *static_cast<Exchange*>(user);
  if (exchange.stop.stop_requested()) return 1;
  if (exchange.progress == nullptr || !*exchange.progress || done <= 0) return 0;
  const bool well = guarded(exchange, [&] {
    (*exchange.progress)(static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(total));
  });
  return well ? 0 : 1;
}

}  // namespace

struct HttpClient::State {
  HttpClientOptions options;
  std::mutex mutex;
  std::vector<curl::Easy> idle;  ///< handles with their kept connections

  curl::Easy take() {
    const std::lock_guard lock(mutex);
    if (idle.empty()) return curl::make_easy();
    curl::Easy easy = std::move(idle.back());
    idle.pop_back();
    return easy;
  }
  void give_back(curl::Easy easy) {
    curl_easy_reset(easy.get());
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(easy));
  }

  void configure(CURL* easy, const HttpRequest& request, Exchange& exchange) const;
  HttpResponse run(const HttpRequest& request, Exchange& exchange);
};

void HttpClient::State::configure(CURL* easy, const HttpRequest& request, Exchange& exchange) const {
  curl::apply_limits(easy, options.limits);
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_USERAGENT, options.user_agent.c_str());
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION,
                   request.redirects == HttpRequest::Redirects::follow ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 10L);
  const bool plain = options.plain_http == PlainHttp::anywhere || is_loopback_url(request.url);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, plain ? "http,https" : "https");
  const bool began_with_tls = lower(request.url.substr(0, 6)) == "https:";
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, began_with_tls ? "https" : "http,https");
  curl::trust(easy, options.ca_file);
  if (!options.proxy.empty()) curl_easy_setopt(easy, CURLOPT_PROXY, options.proxy.c_str());
  if (!options.no_proxy.empty()) curl_easy_setopt(easy, CURLOPT_NOPROXY, options.no_proxy.c_str());
  if (request.method != "GET") {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
  }
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &exchange);
}

HttpResponse HttpClient::State::run(const HttpRequest& request, Exchange& exchange) {
  curl::Easy easy = take();
  const List headers = header_list(request.headers);
  char detail[CURL_ERROR_SIZE] = "";
  exchange.easy = easy.get();
  exchange.max_body_bytes =
      request.max_body_bytes != 0 ? request.max_body_bytes : options.limits.max_body_bytes;
  exchange.plain_http = options.plain_http;
  configure(easy.get(), request, exchange);
  curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, detail);

  const CURLcode code = curl_easy_perform(easy.get());
  if (exchange.thrown) std::rethrow_exception(exchange.thrown);
  if (exchange.stop.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted");
  if (code != CURLE_OK) throw curl::explain(code, request.url, detail);

  long status = 0;
  char* final_url = nullptr;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy.get(), CURLINFO_EFFECTIVE_URL, &final_url);
  exchange.response.status = static_cast<int>(status);
  exchange.response.final_url = final_url != nullptr ? final_url : request.url;
  give_back(std::move(easy));
  return std::move(exchange.response);
}

HttpClient::HttpClient(HttpClientOptions options) : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
}

HttpClient::~HttpClient() = default;

const HttpClientOptions& HttpClient::options() const { return state_->options; }

HttpResponse HttpClient::send(const HttpRequest& request, std::stop_token stop) {
  Backoff backoff(request.method == "GET" ? state_->options.retries : 0);
  for (;;) {
    std::optional<std::chrono::milliseconds> asked;
    std::exception_ptr failure;
    HttpResponse response;
    try {
      Exchange exchange;
      exchange.stop = stop;
      response = state_->run(request, exchange);
      if (!is_transient(response.status)) return response;
      asked = retry_after(response.headers, SystemClock().now());
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::network) throw;
      failure = std::current_exception();
    }
    if (backoff.wait(asked, stop)) continue;
    if (failure) std::rethrow_exception(failure);
    return response;
  }
}

HttpResponse HttpClient::download(const HttpRequest& request, const BodySink& sink,
                                  const BodyProgress& progress, std::stop_token stop) {
  Exchange exchange;
  exchange.sink = &sink;
  exchange.progress = &progress;
  exchange.stop = std::move(stop);
  return state_->run(request, exchange);
}

namespace {

char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

bool fits_in_head(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

const std::string* find_header(const HttpHeaders& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    const bool same = std::equal(key.begin(), key.end(), name.begin(), name.end(),
                                 [](char a, char b) { return ascii_lower(a) == ascii_lower(b); });
    if (same) return &value;
  }
  return nullptr;
}

std::string host_of(const std::string& url) {
  const curl::Url parts(curl_url(), &curl_url_cleanup);
  if (curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return {};
  std::string host = lower(curl::part_of(parts.get(), CURLUPART_HOST));
  if (host.ends_with(".")) host.pop_back();
  return host;
}

bool is_plain_http_elsewhere(const std::string& url) {
  return lower(url.substr(0, 5)) == "http:" && !is_loopback_url(url);
}

bool is_loopback_url(const std::string& url) {
  const std::string host = host_of(url);
  if (host == "localhost" || host == "[::1]") return true;
  // Only four numbers are an address; "127.evil.example" is somebody's name.
  return host.rfind("127.", 0) == 0 && host.find_first_not_of("0123456789.") == std::string::npos;
}

std::string checked_base_url(const std::string& url, const std::string& what) {
  const curl::Url parts(curl_url(), &curl_url_cleanup);
  const bool parsed = curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK;
  const std::string scheme = curl::part_of(parts.get(), CURLUPART_SCHEME);
  if (!parsed || (scheme != "http" && scheme != "https")) {
    throw Error(ErrorKind::usage, what + " wants an address such as https://example.com, not '" + url + "'");
  }
  for (const CURLUPart part : {CURLUPART_USER, CURLUPART_QUERY, CURLUPART_FRAGMENT}) {
    if (curl::part_of(parts.get(), part).empty()) continue;
    throw Error(ErrorKind::usage, what + " wants an address without user, '?' and '#'");
  }
  std::string result = curl::part_of(parts.get(), CURLUPART_URL);
  while (result.back() == '/') result.pop_back();
  return result;
}

}  // namespace opencat
