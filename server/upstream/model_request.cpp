// SPDX-License-Identifier: MIT
#include "server/upstream/model_request.hpp"

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"

namespace opencat {

using Json = nlohmann::json;

namespace {

[[noreturn]] void refuse(const std::string& what) { throw Error(ErrorKind::usage, what); }

}  // namespace

ModelRequest::ModelRequest(const Endpoint& endpoint, std::string_view body)
    : endpoint_(endpoint), members_(body) {
  if (const std::string& name = endpoint.required_list; !name.empty()) {
    const auto list = members_.find(name);
    if (!list || list->front() != '[') refuse("'" + name + "' must be a list of " + name);
  }
  if (const auto model = members_.find("model"); model && *model != "null") {
    if (model->front() != '"') refuse("'model' must be a text");
    model_ = json_string(*model);
    if (model_.empty()) model_ = "auto";
  }
  if (const auto stream = members_.find("stream"); stream && *stream != "null" && endpoint.may_stream) {
    if (*stream != "true" && *stream != "false") refuse("'stream' must be true or false");
    stream_ = *stream == "true";
  }
  if (const auto options = members_.find("stream_options"); options && *options != "null") {
    if (options->front() != '{') refuse("'stream_options' must be an object");
    wants_usage_ = JsonMembers(*options).find("include_usage") == "true";
  }
}

std::string ModelRequest::body_for(const std::string& upstream_model) const {
  JsonMembers members = members_;
  members.set("model", Json(upstream_model).dump());
  if (stream_ && endpoint_.has_usage_option) {
    const auto options = members_.find("stream_options");
    JsonMembers asked(options && *options != "null" ? *options : std::string_view("{}"));
    asked.set("include_usage", "true");
    members.set("stream_options", asked.bytes());
  }
  return members.bytes();
}

}  // namespace opencat
