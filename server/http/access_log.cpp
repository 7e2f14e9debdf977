// SPDX-License-Identifier: MIT
#include "server/http/access_log.hpp"

#include <nlohmann/json.hpp>

namespace opencat::http {

std::string access_log_line(const Answered& answered, std::string_view route_name, Time now) {
  using Json = nlohmann::ordered_json;
  const Request& request = answered.request;
  const AnswerNotes& notes = answered.notes;
  const auto text_or_null = [](std::string_view text) { return text.empty() ? Json(nullptr) : Json(text); };
  const std::chrono::duration<double, std::milli> duration = answered.duration;
  Json line;
  line["time"] = iso8601(now);
  line["id"] = request.id;
  line["method"] = text_or_null(request.method);
  line["route"] = text_or_null(route_name);
  line["status"] = answered.status;
  // To the microsecond, and no digit more than that.
  line["duration_ms"] = static_cast<double>(static_cast<std::int64_t>(duration.count() * 1000)) / 1000;
  line["bytes"] = answered.bytes;
  line["ip"] = text_or_null(request.remote_ip);
  if (!notes.token_id.empty()) line["token_id"] = notes.token_id;
  if (!notes.model.empty()) line["model"] = notes.model;
  if (answered.cut) line["cut"] = true;
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string route_name(const std::string& pattern) {
  if (pattern.starts_with("/assets/")) return "/assets/*";
  std::string name;
  int depth = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '|' && depth == 0) break;
    if (c == '(' && depth++ == 0) name += "{}";
    if (c == ')') {
      --depth;
    } else if (depth == 0 && c != '\\') {
      name += c;
    }
  }
  return name;
}

}  // namespace opencat::http
