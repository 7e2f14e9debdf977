// SPDX-License-Identifier: MIT
#include "bundle/token_client.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include <nlohmann/json.hpp>

#include "bundle/download.hpp"
#include "opencat/error.hpp"
#include "opencat/text.hpp"
#include "opencat/version.hpp"

namespace opencat {

using Json = nlohmann::json;

namespace {

constexpr int most_attempts = 5;

/// What the server says, within a minute.
std::chrono::seconds retry_after(const HttpResponse& response) {
  const std::string* text = find_header(response.headers, "Retry-After");
  int seconds = 1;
  if (text != nullptr) std::from_chars(text->data(), text->data() + text->size(), seconds);
  return std::chrono::seconds(std::clamp(seconds, 1, 60));
}

constexpr std::size_t most_plans_told = 20;

/// The names of the objects in a member that is a list.
std::vector<std::string> names_in(const Json& answer, const char* member) {
  std::vector<std::string> names;
  for (const Json& one : answer.is_object() ? answer.value(member, Json::array()) : Json::array()) {
    const Json name = one.is_object() ? one.value("name", Json()) : Json();
    if (name.is_string()) names.push_back(name.get<std::string>());
  }
  return names;
}

bool names_a_plan(const std::string& plan) { return !plan.empty() && plan != "none"; }

void wait(std::chrono::seconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  woken.wait_for(lock, stop, time, [] { return false; });
}

}  // namespace

TokenClient::TokenClient(std::string server_url, std::string admin_secret, HttpClientOptions http)
    : server_url_(std::move(server_url)), admin_secret_(std::move(admin_secret)), http_(std::move(http)) {}

HttpResponse TokenClient::ask(const std::string& method, const std::string& path, const std::string& body,
                              std::stop_token stop) {
  HttpRequest request;
  request.method = method;
  request.url = server_url_ + path;
  request.body = body;
  request.redirects = HttpRequest::Redirects::refuse;
  request.headers = {{"X-Admin-Secret", admin_secret_}, {"Accept", "application/json"}};
  if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  HttpResponse response = http_.send(request, std::move(stop));
  if (response.status == 401 || response.status == 403) {
    throw Error(ErrorKind::unauthorized,
                "the server at " + server_url_ +
                    " refuses the admin secret; check OPENCAT_ADMIN_SECRET, or the file "
                    "named by --admin-secret-file");
  }
  if (response.status >= 300 && response.status < 400) {
    const std::string* target = find_header(response.headers, "Location");
    throw Error(ErrorKind::usage, server_url_ + " redirects; name the address it leads to with --server-url",
                target != nullptr ? *target : "");
  }
  return response;
}

std::optional<Enrollment> TokenClient::enrollment(std::stop_token stop) {
  const HttpResponse response = ask("GET", "/api/admin/enrollment", "", std::move(stop));
  if (response.status == 404 || response.status == 405) return std::nullopt;
  expect_success(response, "asking for the enrolment key");
  const Json answer = Json::parse(response.body, nullptr, false);
  if (!answer.is_object() || !answer.value("mode", Json()).is_string()) {
    throw Error(ErrorKind::usage,
                "what answers at " + server_url_ + " is no OpenCat server; check --server-url");
  }
  const Json key = answer.value("key", Json());
  return Enrollment{answer.at("mode").get<std::string>(), key.is_string() ? key.get<std::string>() : ""};
}

void TokenClient::demand_plans(const std::vector<std::string>& names, std::stop_token stop) {
  if (!std::any_of(names.begin(), names.end(), names_a_plan)) return;
  const HttpResponse response = ask("GET", "/api/admin/plans", "", std::move(stop));
  if (response.status == 404 || response.status == 405) {
    throw Error(ErrorKind::usage, "the server at " + server_url_ +
                                      " knows no plans yet: bring it up to date, or leave --plan out");
  }
  expect_success(response, "asking for the plans");
  std::vector<std::string> known = names_in(Json::parse(response.body, nullptr, false), "plans");
  for (const std::string& name : names) {
    if (!names_a_plan(name) || contains(known, name)) continue;
    const bool none = known.empty();
    if (known.size() > most_plans_told) known.resize(most_plans_told, "");
    throw Error(ErrorKind::usage,
                "the server at " + server_url_ + " has no plan '" + printable(name) + "'; " +
                    (none ? "add it on the admin page first" : "it has " + printable(join(known, ", "))));
  }
}

Json TokenClient::issue(const TokenWish& wish, const std::string& install_id, std::stop_token stop) {
  Json meta = Json::object();
  if (!wish.label.empty()) meta["label"] = wish.label;
  Json body{
      {"platform", wish.platform.name()}, {"install_id", install_id}, {"version", version()}, {"meta", meta}};
  const Json plan = names_a_plan(wish.plan) ? Json(wish.plan) : Json();
  if (!wish.plan.empty()) body["plan"] = plan;
  HttpResponse response;
  for (int attempt = 0;; ++attempt) {
    if (stop.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted");
    // Not to be interrupted: a token whose answer nobody read would have to be looked for.
    response = ask("POST", "/api/tokens", body.dump(), {});
    if (response.status != 429 || attempt == most_attempts) break;
    wait(retry_after(response), stop);
  }
  expect_success(response, "issuing a token");
  Json answer = Json::parse(response.body, nullptr, false);
  for (const char* name : {"token", "chat_url", "proxy_base_url"}) {
    if (answer.is_object() && answer.value(name, Json()).is_string()) continue;
    throw Error(ErrorKind::usage,
                "what answers at " + server_url_ + " is no OpenCat server; check --server-url",
                std::string("no ") + name + " in its answer");
  }
  // Whoever hands out the zips would not see that one has other limits than it should.
  if (!wish.plan.empty() && answer.value("plan", Json()) != plan)
    throw Error(ErrorKind::usage, "the server at " + server_url_ + " did not give the token the plan '" +
                                      printable(wish.plan) + "'; bring it up to date, or leave --plan out");
  return answer;
}

void TokenClient::revoke(const std::string& token) {
  // Without the stop token: this is what is done after Ctrl-C.
  const HttpResponse response = ask("DELETE", "/api/admin/tokens/" + percent_encode(token), "", {});
  if (response.status != 404 && response.status != 405) expect_success(response, "deleting a token");
}

void TokenClient::revoke_installation(const std::string& install_id, const std::string& token_id) {
  if (!token_id.empty()) return revoke(token_id);
  const HttpResponse response = ask("GET", "/api/admin/tokens?q=" + percent_encode(install_id), "", {});
  if (response.status == 404 || response.status == 405) return;
  expect_success(response, "looking for a token");
  const Json answer = Json::parse(response.body, nullptr, false);
  const Json tokens = answer.is_object() ? answer.value("tokens", Json::array()) : Json::array();
  for (const Json& token : tokens) {
    if (token.is_object() && token.value("install_id", "") == install_id) revoke(token.value("id", ""));
  }
}

}  // namespace opencat
