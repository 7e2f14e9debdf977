// SPDX-License-Identifier: MIT
#include "server/routes/relay_body.hpp"

namespace opencat::routes {

namespace {

/// The client's headers that mean something to an upstream.
HttpHeaders passed_headers(const http::Request& request) {
  HttpHeaders headers;
  for (const char* name : {"anthropic-version", "anthropic-beta", "openai-beta"}) {
    if (const std::string* value = request.header(name)) headers.emplace_back(name, *value);
  }
  return headers;
}

class JsonBody : public RelayBody {
 public:
  JsonBody(const Endpoint& endpoint, const http::Request& request)
      : endpoint_(endpoint), http_(request), request_(endpoint, request.body) {}

  const std::string& model() const override { return request_.model(); }
  bool stream() const override { return request_.stream(); }
  bool strips_usage() const override { return endpoint_.has_usage_option && !request_.wants_usage(); }
  UpstreamRequest for_upstream(const std::string& model) override {
    UpstreamRequest request;
    request.path = endpoint_.path;
    request.body = request_.body_for(model);
    request.stream = request_.stream();
    request.headers = passed_headers(http_);
    return request;
  }
  bool can_repeat() override { return true; }
  std::string_view text() const override { return http_.body; }

 private:
  const Endpoint& endpoint_;
  const http::Request& http_;
  ModelRequest request_;
};

class FormBody : public RelayBody {
 public:
  FormBody(const Endpoint& endpoint, const http::Request& request, const MultipartModel& form,
           std::shared_ptr<UploadSpool> spool)
      : endpoint_(endpoint), http_(request), form_(form), spool_(std::move(spool)) {
    if (form.field() && !form.field()->value.empty()) model_ = form.field()->value;
  }

  const std::string& model() const override { return model_; }
  bool stream() const override { return false; }
  bool strips_usage() const override { return false; }
  UpstreamRequest for_upstream(const std::string& model) override {
    if (const auto& field = form_.field()) {
      spool_->replace(field->offset, field->value.size(), model);
    } else {
      spool_->replace(form_.part_offset(), 0, form_.part_for(model));
    }
    UpstreamRequest request;
    request.path = endpoint_.path;
    request.headers = passed_headers(http_);
    request.content_type = *http_.header("Content-Type");
    request.upload = spool_;
    return request;
  }
  bool can_repeat() override { return spool_->rewind(); }
  std::string_view text() const override { return {}; }

 private:
  const Endpoint& endpoint_;
  const http::Request& http_;
  const MultipartModel& form_;
  std::shared_ptr<UploadSpool> spool_;
  std::string model_ = "auto";
};

}  // namespace

std::unique_ptr<RelayBody> json_body(const Endpoint& endpoint, const http::Request& request) {
  return std::make_unique<JsonBody>(endpoint, request);
}

std::unique_ptr<RelayBody> form_body(const Endpoint& endpoint, const http::Request& request,
                                     const MultipartModel& form, std::shared_ptr<UploadSpool> spool) {
  return std::make_unique<FormBody>(endpoint, request, form, std::move(spool));
}

}  // namespace opencat::routes
