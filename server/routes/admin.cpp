// SPDX-License-Identifier: MIT
#include "server/routes/admin.hpp"

#include <nlohmann/json.hpp>

#include "server/routes/query.hpp"
#include "server/routes/token_json.hpp"

namespace opencat::routes {

using Json = nlohmann::json;

namespace {

constexpr std::int64_t max_usage_rows = 10'000;
constexpr std::chrono::days usage_days{30};
constexpr std::int64_t day_s = 24LL * 60 * 60;
constexpr std::int64_t max_old_valid_s = 365 * day_s;

Json sums_json(const UsageSums& sums) {
  return {{"requests", sums.requests},
          {"prompt_tokens", sums.tokens.prompt},
          {"completion_tokens", sums.tokens.completion},
          {"estimated",
           {{"requests", sums.estimated_requests},
            {"prompt_tokens", sums.estimated_tokens.prompt},
            {"completion_tokens", sums.estimated_tokens.completion}}}};
}

Json row_json(UsageGroup group, const UsageRow& row) {
  Json json = sums_json(row.sums);
  switch (group) {
    case UsageGroup::day:
      json["date"] = row.key;
      break;
    case UsageGroup::token:
      json["id"] = row.key;
      json["token"] = row.prefix + "****";
      json["label"] = row.label;
      break;
    case UsageGroup::model:
      json["model"] = row.key;
      break;
    case UsageGroup::plan:
      json["plan"] = row.key.empty() ? Json() : Json(row.key);
      break;
  }
  return json;
}

const std::vector<std::pair<std::string, UsageGroup>> usage_groups{{"day", UsageGroup::day},
                                                                   {"token", UsageGroup::token},
                                                                   {"model", UsageGroup::model},
                                                                   {"plan", UsageGroup::plan}};

http::Response usage(const AdminServices& admin, const http::Request& request) {
  UsageQuery query = read_usage_query(admin, request);
  query.limit = query_number(request, "limit", 1, max_usage_rows, 1000);
  const UsageSummary summary = admin.store.usage(query);
  Json rows = Json::array();
  for (const UsageRow& row : summary.rows) rows.push_back(row_json(query.group, row));
  std::string group;
  for (const auto& [name, value] : usage_groups) {
    if (value == query.group) group = name;
  }
  return http::json_response(200, {{"from", query.from},
                                   {"to", query.to},
                                   {"group", group},
                                   {"usage", rows},
                                   {"total", sums_json(summary.total)}});
}

http::Response rotate(const AdminServices& admin, const http::Request& request) {
  std::int64_t old_valid_s = day_s;
  if (!request.body.empty()) {
    const Json body = parse_object(request.body);
    refuse_unknown(body, {"old_valid_s"}, "the body");
    old_valid_s = optional_number(body, "old_valid_s", 0, max_old_valid_s).value_or(day_s);
  }
  const auto rotated = admin.keys.rotate(std::chrono::seconds(old_valid_s));
  return http::json_response(200, {{"mode", mode_text(admin.mode)},
                                   {"key", rotated.key},
                                   {"old_valid_until", iso8601(rotated.old_valid_until)}});
}

}  // namespace

const char* mode_text(EnrollmentMode mode) {
  switch (mode) {
    case EnrollmentMode::open:
      return "open";
    case EnrollmentMode::key:
      return "key";
    case EnrollmentMode::closed:
      return "closed";
  }
  return "";
}

UsageQuery read_usage_query(const AdminServices& admin, const http::Request& request) {
  const Time now = admin.services.clock.now();
  UsageQuery query;
  query.to = query_date(request, "to", date_of(now, admin.services.utc_offset));
  query.from = query_date(request, "from",
                          date_of(now - usage_days + std::chrono::days(1), admin.services.utc_offset));
  if (query.from > query.to) refuse("'from' must not be later than 'to'");
  query.group = query_choice<UsageGroup>(request, "group", usage_groups);
  query.token_id = query_text(request, "token", max_text_bytes);
  if (is_token(query.token_id)) {
    const auto state = admin.store.find(token_hash(query.token_id), admin.services.period());
    if (!state) refuse_unknown_token();
    query.token_id = state->token.id;
  }
  return query;
}

void add_admin_routes(http::Routes& routes, const AdminServices& admin) {
  add_admin_export_routes(routes, admin);
  add_admin_bulk_routes(routes, admin);
  add_admin_token_routes(routes, admin);
  add_admin_plan_routes(routes, admin);
  add_admin_server_routes(routes, admin);
  routes.push_back(
      {"GET", "/api/admin/usage", http::Access::admin,
       http::BlockingHandler([admin](const http::Request& request) { return usage(admin, request); })});
  routes.push_back(
      {"GET", "/api/admin/enrollment", http::Access::admin,
       http::BlockingHandler([admin](const http::Request&) {
         return http::json_response(200, {{"mode", mode_text(admin.mode)}, {"key", admin.keys.current()}});
       })});
  routes.push_back(
      {"POST", "/api/admin/enrollment/rotate", http::Access::admin,
       http::BlockingHandler([admin](const http::Request& request) { return rotate(admin, request); })});
}

}  // namespace opencat::routes
