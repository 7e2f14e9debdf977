// SPDX-License-Identifier: MIT
#include "server/routes/plan_json.hpp"

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "opencat/text.hpp"
#include "server/routes/token_json.hpp"

namespace opencat::routes {

using Json = nlohmann::json;

namespace {

constexpr std::int64_t max_limit = 1'000'000'000'000;
constexpr std::int64_t max_per_minute = 1'000'000;
constexpr std::size_t max_models = 100;

Json or_null(const std::optional<std::int64_t>& number) { return number ? Json(*number) : Json(); }

/// What the body says of the member, null included, if it does.
void edit_number(const Json& body, const char* name, std::int64_t low, std::int64_t high,
                 std::optional<std::int64_t>& number) {
  if (body.contains(name)) number = optional_number(body, name, low, high);
}

std::vector<std::string> models_of(const Json& body) {
  const Json& given = body.at("models");
  if (given.is_null() || (given.is_array() && given.empty())) return {};
  auto models = optional_texts(body, "models", max_models);
  for (const std::string& model : *models) {
    if (model.empty() || model == "auto" || model.find_first_of("\r\n") != std::string::npos)
      refuse("'models' must hold names of models as GET /v1/models lists them, without 'auto'");
  }
  return std::move(*models);
}

}  // namespace

Json plan_json(const PlanUse& use) {
  const Plan& plan = use.plan;
  return {
      {"name", plan.name},
      {"description", plan.description},
      {"quota", {{"daily_limit", or_null(plan.daily_limit)}, {"monthly_limit", or_null(plan.monthly_limit)}}},
      {"requests_per_minute", or_null(plan.per_minute)},
      {"models", plan.models.empty() ? Json() : Json(plan.models)},
      {"expires_at", plan.expires_at.empty() ? Json() : Json(plan.expires_at)},
      {"source", plan.from_file ? "file" : "api"},
      {"tokens", use.tokens}};
}

void edit_plan(Plan& plan, const Json& body, std::initializer_list<const char*> more) {
  std::vector<const char*> known(more);
  known.insert(known.end(), {"description", "quota", "requests_per_minute", "models", "expires_at"});
  refuse_unknown(body, known, "the body");
  if (body.contains("description")) plan.description = optional_text(body, "description").value_or("");
  if (const auto quota = body.find("quota"); quota != body.end() && !quota->is_null()) {
    if (!quota->is_object()) refuse("'quota' must be an object");
    refuse_unknown(*quota, {"daily_limit", "monthly_limit"}, "'quota'");
    edit_number(*quota, "daily_limit", 0, max_limit, plan.daily_limit);
    edit_number(*quota, "monthly_limit", 0, max_limit, plan.monthly_limit);
  }
  edit_number(body, "requests_per_minute", 1, max_per_minute, plan.per_minute);
  if (body.contains("models")) plan.models = models_of(body);
  if (body.contains("expires_at")) {
    plan.expires_at = optional_text(body, "expires_at").value_or("");
    if (!plan.expires_at.empty() && !is_moment(plan.expires_at))
      refuse("'expires_at' must be a moment in UTC such as 2026-01-31T08:00:00Z");
  }
}

std::optional<std::string> plan_member(const Json& body) {
  return body.contains("plan") ? optional_text(body, "plan").value_or("") : std::optional<std::string>();
}

Plan demand_plan(const Services& services, const std::string& name, const std::string& what) {
  if (auto use = services.plan(name)) return std::move(use->plan);
  refuse(what + " names the plan '" + printable(std::string(beginning(name, max_text_bytes))) +
         "', and there is none; GET /api/admin/plans lists them");
}

}  // namespace opencat::routes
