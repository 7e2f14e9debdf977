// SPDX-License-Identifier: MIT
#include "server/upstream/endpoint.hpp"

#include <nlohmann/json.hpp>

#include "opencat/error_json.hpp"
#include "server/upstream/json_text.hpp"

namespace opencat {

using Json = nlohmann::json;

namespace {

/// Whether an event says that the upstream failed. Most hold no such word and are not parsed for it.
bool has_error_member(std::string_view data) {
  if (!may_have_member(data, "error\"")) return false;
  const Json document = Json::parse(data, nullptr, false);
  return document.is_object() && document.contains("error") && !document.at("error").is_null() &&
         !document.contains("choices");
}

/// The event's type: its `event:` line, or for upstreams that leave that away the data's `type`.
std::string type_of(const SseEvent& event) {
  if (!event.type.empty()) return std::string(event.type);
  if (!may_have_member(event.data, "type\"")) return {};
  const Json document = Json::parse(event.data, nullptr, false);
  const auto type = document.is_object() ? document.find("type") : document.end();
  return document.is_object() && type != document.end() && type->is_string() ? type->get<std::string>()
                                                                             : std::string();
}

}  // namespace

const std::vector<Endpoint>& json_endpoints() {
  static const std::vector<Endpoint> table{
      {"/chat/completions", Dialect::openai, "messages", true, true},
      {"/completions", Dialect::openai, "", true, true},
      {"/embeddings", Dialect::openai, "", false, false},
      {"/responses", Dialect::responses, "", true, false},
      {"/messages", Dialect::anthropic, "messages", true, false},
      {"/images/generations", Dialect::openai, "", false, false, true},
      {"/audio/speech", Dialect::openai, "", false, false, true},
  };
  return table;
}

const std::vector<Endpoint>& form_endpoints() {
  static const std::vector<Endpoint> table{
      {"/images/edits", Dialect::openai, "", false, false, true},
      {"/images/variations", Dialect::openai, "", false, false, true},
      {"/audio/transcriptions", Dialect::openai, "", false, false, true},
      {"/audio/translations", Dialect::openai, "", false, false, true},
  };
  return table;
}

EventMeaning meaning_of(Dialect dialect, const SseEvent& event) {
  if (event.data == "[DONE]") return EventMeaning::end;
  if (dialect == Dialect::openai) {
    return has_error_member(event.data) ? EventMeaning::failure : EventMeaning::content;
  }
  const std::string type = type_of(event);
  if (type == "error") return EventMeaning::failure;
  const bool ends = dialect == Dialect::anthropic
                        ? type == "message_stop"
                        : type == "response.completed" || type == "response.incomplete" ||
                              type == "response.failed" || type == "response.cancelled";
  return ends ? EventMeaning::end : EventMeaning::content;
}

std::string failure_event(Dialect dialect, const Error& error) {
  if (dialect == Dialect::openai) return sse_bytes({"", error_json(error)});
  Json document = Json::parse(error_json(error));
  document["type"] = "error";
  if (dialect == Dialect::responses) {
    document["code"] = document["error"]["code"];
    document["message"] = document["error"]["message"];
    document["param"] = nullptr;
  } else {
    // Anthropic's clients go by `type`; theirs for "try again later" is overloaded_error.
    document["error"]["type"] = "api_error";
  }
  return sse_bytes({"error", document.dump()});
}

}  // namespace opencat
