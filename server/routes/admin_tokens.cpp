// SPDX-License-Identifier: MIT
// /api/admin/tokens
#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "opencat/text.hpp"
#include "opencat/version.hpp"
#include "server/routes/admin.hpp"
#include "server/routes/query.hpp"
#include "server/routes/token_json.hpp"
#include "server/routes/tokens.hpp"

namespace opencat::routes {

using Json = nlohmann::json;

namespace {

constexpr std::int64_t max_page_size = 1000;
constexpr std::int64_t max_page = 1'000'000'000;
constexpr std::int64_t max_issued_at_once = 1000;
/// The platform of a token that the operator issues for no PC in particular.
constexpr const char* any_platform = "any";

/// How the store knows what stands in the address: an id, or the hash of a token.
std::string store_name(const http::Request& request) {
  const std::string& name = request.captures.at(0);
  return is_token(name) ? token_hash(name) : name;
}

[[noreturn]] void refuse_unknown_token() {
  throw Error(ErrorKind::token_not_found, "there is no such token");
}

http::Response list(const AdminServices& admin, const http::Request& request) {
  using Status = TokenState::Status;
  TokenQuery query;
  const std::int64_t page = query_number(request, "page", 1, max_page, 1);
  query.limit = query_number(request, "limit", 1, max_page_size, 50);
  query.offset = (page - 1) * query.limit;
  query.text = query_text(request, "q", max_text_bytes);
  if (is_token(query.text)) query.hash = token_hash(std::exchange(query.text, {}));
  query.status = query_choice<std::optional<Status>>(request, "status",
                                                     {{"", std::nullopt},
                                                      {"active", Status::active},
                                                      {"disabled", Status::disabled},
                                                      {"quota_exceeded", Status::quota_exceeded}});
  query.sort = query_choice<TokenSort>(request, "sort",
                                       {{"created_at", TokenSort::created_at},
                                        {"last_used_at", TokenSort::last_used_at},
                                        {"label", TokenSort::label},
                                        {"platform", TokenSort::platform},
                                        {"id", TokenSort::id}});
  query.order = query_choice<SortOrder>(request, "order",
                                        {{"desc", SortOrder::descending}, {"asc", SortOrder::ascending}});
  const TokenPage found = admin.store.list(query, admin.services.period());
  Json tokens = Json::array();
  for (const TokenState& state : found.tokens) tokens.push_back(admin_json(state));
  return http::json_response(
      200, {{"tokens", tokens}, {"total", found.total}, {"page", page}, {"limit", query.limit}});
}

http::Response issue(const AdminServices& admin, const http::Request& request) {
  const Json body = parse_object(request.body);
  refuse_unknown(body, {"count", "label", "platform", "quota"}, "the body");
  const std::int64_t count = optional_number(body, "count", 1, max_issued_at_once).value_or(1);
  TokenRequest wanted;
  wanted.label = optional_text(body, "label").value_or("");
  wanted.platform = optional_text(body, "platform").value_or(any_platform);
  if (wanted.platform != any_platform && !contains(token_platforms(), wanted.platform)) {
    refuse("'platform' must be one of " + join(token_platforms(), ", ") + ", or 'any'");
  }
  wanted.version = version();
  const QuotaChange quota = quota_member(body);
  wanted.limits = admin.services.default_limits;
  if (quota.daily_limit) wanted.limits->daily = *quota.daily_limit;
  if (quota.monthly_limit) wanted.limits->monthly = *quota.monthly_limit;

  std::vector<TokenRecord> records;
  Json issued = Json::array();
  for (std::int64_t i = 0; i < count; ++i) {
    wanted.install_id = random_uuid(admin.services.entropy);
    const IssuedToken one = make_token(admin.services, wanted);
    records.push_back(one.record);
    issued.push_back(issued_json(admin.services, one));
  }
  admin.store.issue_all(records);
  return http::json_response(200, count == 1 ? issued.front() : Json{{"tokens", issued}});
}

TokenChange parse_change(const std::string& bytes) {
  const Json body = parse_object(bytes);
  refuse_unknown(body, {"status", "label", "quota"}, "the body");
  TokenChange change;
  if (const auto status = optional_text(body, "status")) {
    if (*status != "active" && *status != "disabled") refuse("'status' must be 'active' or 'disabled'");
    change.status = *status == "active" ? TokenStatus::active : TokenStatus::disabled;
  }
  change.label = optional_text(body, "label");
  const QuotaChange quota = quota_member(body);
  change.daily_limit = quota.daily_limit;
  change.monthly_limit = quota.monthly_limit;
  return change;
}

}  // namespace

void add_admin_token_routes(http::Routes& routes, const AdminServices& admin) {
  routes.push_back(
      {"GET", "/api/admin/tokens", http::Access::admin,
       http::BlockingHandler([admin](const http::Request& request) { return list(admin, request); })});
  routes.push_back(
      {"POST", "/api/admin/tokens", http::Access::admin,
       http::BlockingHandler([admin](const http::Request& request) { return issue(admin, request); })});
  routes.push_back({"GET", "/api/admin/tokens/([^/]+)", http::Access::admin,
                    http::BlockingHandler([admin](const http::Request& request) {
                      const auto state = admin.store.find(store_name(request), admin.services.period());
                      if (!state) refuse_unknown_token();
                      return http::json_response(200, admin_json(*state));
                    })});
  routes.push_back({"PATCH", "/api/admin/tokens/([^/]+)", http::Access::admin,
                    http::BlockingHandler([admin](const http::Request& request) {
                      const TokenChange change = parse_change(request.body);
                      const auto state =
                          admin.store.change(store_name(request), change, admin.services.period());
                      if (!state) refuse_unknown_token();
                      return http::json_response(200, admin_json(*state));
                    })});
  routes.push_back({"DELETE", "/api/admin/tokens/([^/]+)", http::Access::admin,
                    http::BlockingHandler([admin](const http::Request& request) {
                      if (!admin.store.remove(store_name(request))) refuse_unknown_token();
                      return http::Response{204};
                    })});
}

}  // namespace opencat::routes
