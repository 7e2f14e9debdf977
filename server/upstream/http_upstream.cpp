// SPDX-License-Identifier: MIT
#include "server/upstream/upstream.hpp"

namespace opencat {

namespace {

constexpr std::uint32_t probe_timeout_ms = 10'000;

class HttpUpstream : public Upstream {
 public:
  explicit HttpUpstream(const UpstreamConfig& config)
      : kind_(config.kind), base_url_(config.base_url), key_(config.key), limits_(config.limits) {}

  std::unique_ptr<Transfer> start(UpstreamLoop& loop, UpstreamRequest request,
                                  TransferListener& listener) override {
    HttpRequest http;
    http.method = "POST";
    http.url = base_url_ + request.path;
    http.headers = std::move(request.headers);
    http.headers.emplace_back("Content-Type", std::move(request.content_type));
    http.headers.emplace_back("Accept", request.stream ? "text/event-stream" : "*/*");
    add_key(http.headers);
    http.body = std::move(request.body);
    http.upload = std::move(request.upload);
    return loop.transfers.start(std::move(http), limits_, listener);
  }

  std::unique_ptr<Transfer> probe(UpstreamLoop& loop, TransferListener& listener) override {
    HttpRequest http;
    http.url = base_url_ + "/models";
    http.headers = {{"Accept", "application/json"}};
    if (kind_ == UpstreamKind::anthropic) http.headers.emplace_back("anthropic-version", "2023-06-01");
    add_key(http.headers);
    TransferLimits limits = limits_;
    limits.first_byte_timeout_ms = std::min(limits.first_byte_timeout_ms, probe_timeout_ms);
    limits.idle_timeout_ms = std::min(limits.idle_timeout_ms, probe_timeout_ms);
    return loop.transfers.start(std::move(http), limits, listener);
  }

 private:
  void add_key(HttpHeaders& headers) const {
    if (key_.empty()) return;
    if (kind_ == UpstreamKind::anthropic) {
      headers.emplace_back("x-api-key", key_);
    } else {
      headers.emplace_back("Authorization", "Bearer " + key_);
    }
  }

  UpstreamKind kind_;
  std::string base_url_;
  std::string key_;
  TransferLimits limits_;
};

}  // namespace

std::unique_ptr<Upstream> make_http_upstream(const UpstreamConfig& config) {
  return std::make_unique<HttpUpstream>(config);
}

}  // namespace opencat
