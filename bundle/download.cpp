// SPDX-License-Identifier: MIT
#include "bundle/download.hpp"

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "opencat/file.hpp"

namespace opencat {

namespace {

/// The server's own words, if it gave any in the protocol's form.
std::string told_by(const HttpResponse& response) {
  const auto body = nlohmann::json::parse(response.body, nullptr, false);
  const nlohmann::json::json_pointer pointer("/error/message");
  if (body.is_object() && body.contains(pointer) && body.at(pointer).is_string()) {
    return body.at(pointer).get<std::string>();
  }
  return "HTTP status " + std::to_string(response.status);
}

ErrorKind kind_of(int status) {
  if (status == 401 || status == 403) return ErrorKind::unauthorized;
  if (status == 404 || status == 410) return ErrorKind::not_found;
  if (status == 429) return ErrorKind::rate_limited;
  return status >= 500 ? ErrorKind::network : ErrorKind::failed;
}

}  // namespace

void expect_success(const HttpResponse& response, const std::string& what) {
  if (response.status >= 200 && response.status < 300) return;
  const std::string told = told_by(response);
  const std::string from = response.final_url.substr(0, response.final_url.find('?'));
  throw Error(kind_of(response.status), what + " was refused by " + from + ": " + told,
              "HTTP status " + std::to_string(response.status));
}

nlohmann::json get_json(HttpClient& client, const HttpRequest& request, const std::string& what,
                        std::stop_token stop) {
  return parse_json(client.send(request, std::move(stop)), request, what);
}

nlohmann::json parse_json(const HttpResponse& response, const HttpRequest& request, const std::string& what) {
  expect_success(response, what);
  auto document = nlohmann::json::parse(response.body, nullptr, false);
  if (document.is_discarded()) {
    throw Error(ErrorKind::integrity, what + " came back as something else than JSON; is " +
                                          request.url.substr(0, request.url.find('?')) +
                                          " the right address?");
  }
  return document;
}

}  // namespace opencat
