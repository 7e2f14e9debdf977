// SPDX-License-Identifier: MIT
#include "server/routes/models.hpp"

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat::routes {

using Json = nlohmann::json;

namespace {

/// The upstreams' that the token's plan has.
std::vector<std::string> models_of_token(Services& services, const http::Request& request) {
  const auto state = services.store.find_by_hash(token_hash(request.token), services.period());
  if (!state) throw Error(ErrorKind::unauthorized, "this token is not known here");
  std::vector<std::string> models = services.upstreams->models();
  const std::vector<std::string>& allowed = state->token.models;
  if (!allowed.empty()) std::erase_if(models, [&](const auto& model) { return !contains(allowed, model); });
  return models;
}

Json model_json(const std::string& name) {
  return {{"id", name}, {"object", "model"}, {"owned_by", "proxy"}};
}

http::Response list_models(Services& services, const http::Request& request) {
  const std::vector<std::string> models = models_of_token(services, request);
  Json list = Json::array({model_json("auto")});
  for (const std::string& model : models) list.push_back(model_json(model));
  return http::json_response(200, {{"object", "list"}, {"data", list}});
}

http::Response one_model(Services& services, const http::Request& request) {
  const std::vector<std::string> models = models_of_token(services, request);
  const std::string& name = request.captures.at(0);
  if (name != "auto" && !contains(models, name)) {
    throw Error(ErrorKind::not_found, "there is no such model here; GET /v1/models lists them");
  }
  return http::json_response(200, model_json(name));
}

const char* kind_text(UpstreamKind kind) {
  switch (kind) {
    case UpstreamKind::openai:
      return "openai";
    case UpstreamKind::anthropic:
      return "anthropic";
    case UpstreamKind::demo:
      return "demo";
  }
  return "";
}

Json status_json(const UpstreamStatus& status) {
  const auto time = [](const std::optional<Time>& moment) {
    return moment ? Json(iso8601(*moment)) : Json(nullptr);
  };
  const UpstreamConfig& config = status.config;
  return {{"name", config.name},
          {"kind", kind_text(config.kind)},
          {"url", config.base_url},
          {"models", config.models},
          {"aliases", config.aliases},
          {"priority", config.priority},
          {"weight", config.weight},
          {"max_concurrent", config.max_concurrent > 0 ? Json(config.max_concurrent) : Json(nullptr)},
          {"state", status.state == UpstreamHealth::State::healthy ? "healthy" : "cooling"},
          {"cooling_until", time(status.cooling_until)},
          {"in_flight", status.in_flight},
          {"calls", status.calls},
          {"failures", status.failures},
          {"last_failure", status.last_failure.empty() ? Json(nullptr) : Json(status.last_failure)},
          {"last_failure_at", time(status.last_failure_at)}};
}

}  // namespace

void add_model_routes(http::Routes& routes, Services& services) {
  const auto add = [&](const char* pattern, http::Response (*handler)(Services&, const http::Request&)) {
    routes.push_back({"GET", pattern, http::Access::token,
                      http::BlockingHandler([&services, handler](const http::Request& request) {
                        return handler(services, request);
                      })});
  };
  add("/v1/models", list_models);
  add("/v1/models/(.+)", one_model);
}

void add_upstream_routes(http::Routes& routes, Services& services) {
  routes.push_back({"GET", "/api/admin/upstreams", http::Access::admin,
                    http::BlockingHandler([&services](const http::Request&) {
                      Json list = Json::array();
                      for (const auto& status : services.upstreams->status())
                        list.push_back(status_json(status));
                      return http::json_response(200, {{"upstreams", list}});
                    })});
}

}  // namespace opencat::routes
