// SPDX-License-Identifier: MIT
#include "server/http/message.hpp"

#include <nlohmann/json.hpp>

#include "opencat/error_json.hpp"

namespace opencat::http {

using Json = nlohmann::json;

const std::string* Request::query_value(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return &value;
  }
  return nullptr;
}

Response json_response(int status, const Json& document) {
  Response response{status};
  response.headers = {{"Content-Type", "application/json; charset=utf-8"}, {"Cache-Control", "no-store"}};
  // A label or model name that is not UTF-8 must not turn an answer into a failure.
  response.body = document.dump(-1, ' ', false, Json::error_handler_t::replace);
  return response;
}

Response error_response(const Error& error) {
  Response response{facts(error.kind()).http_status};
  response.headers = {{"Content-Type", "application/json; charset=utf-8"}, {"Cache-Control", "no-store"}};
  response.body = error_json(error);
  if (response.status == 429 || response.status == 503) {
    response.headers.emplace_back("Retry-After", std::to_string(error.retry_after_s.value_or(1)));
  }
  // OpenAI's clients retry a 429 unless told that waiting a little will not help.
  if (error.kind() == ErrorKind::quota_exceeded) response.headers.emplace_back("x-should-retry", "false");
  if (response.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 416:
      return "Range Not Satisfiable";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "";
  }
}

}  // namespace opencat::http
