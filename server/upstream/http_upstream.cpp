// SPDX-License-Identifier: MIT
#include "server/upstream/upstream.hpp"

namespace opencat {

namespace {

class HttpUpstream : public Upstream {
 public:
  explicit HttpUpstream(HttpUpstreamOptions options) : options_(std::move(options)) {}

  const std::vector<std::string>& models() const override { return options_.models; }

  std::unique_ptr<Transfer> start(UpstreamLoop& loop, UpstreamRequest request,
                                  TransferListener& listener) override {
    HttpRequest http;
    http.method = "POST";
    http.url = options_.base_url + request.path;
    http.headers = {{"Content-Type", "application/json"},
                    {"Accept", request.stream ? "text/event-stream" : "application/json"}};
    if (!options_.key.empty()) http.headers.emplace_back("Authorization", "Bearer " + options_.key);
    http.body = std::move(request.body);
    return loop.transfers.start(std::move(http), options_.limits, listener);
  }

 private:
  HttpUpstreamOptions options_;
};

}  // namespace

std::unique_ptr<Upstream> make_http_upstream(HttpUpstreamOptions options) {
  return std::make_unique<HttpUpstream>(std::move(options));
}

}  // namespace opencat
