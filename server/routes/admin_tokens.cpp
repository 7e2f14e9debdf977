// SPDX-License-Identifier: MIT
// /api/admin/tokens
#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "opencat/text.hpp"
#include "opencat/version.hpp"
#include "server/routes/admin.hpp"
#include "server/routes/plan_json.hpp"
#include "server/routes/query.hpp"
#include "server/routes/token_json.hpp"
#include "server/routes/tokens.hpp"

namespace opencat::routes {

using Json = nlohmann::json;

namespace {

constexpr std::int64_t max_page_size = 1000;
constexpr std::int64_t max_page = 1'000'000'000;
constexpr std::int64_t max_issued_at_once = 1000;
/// A thousand labels at their longest, each character of them escaped.
constexpr std::size_t max_labels_bytes = 2 << 20;
/// The platform of a token that the operator issues for no PC in particular.
constexpr const char* any_platform = "any";

/// "17:Ms Li": the number first, since a key may hold anything.
std::string cursor_text(const TokenCursor& cursor) { return std::to_string(cursor.seq) + ":" + cursor.key; }

std::optional<TokenCursor> read_cursor(const http::Request& request) {
  const std::string text = query_text(request, "after", 2 * max_text_bytes);
  if (text.empty()) return std::nullopt;
  TokenCursor cursor;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), cursor.seq);
  if (problem != std::errc{} || end == text.data() + text.size() || *end != ':')
    refuse("'after' must be the 'next' of the page before");
  cursor.key.assign(end + 1, text.data() + text.size());
  return cursor;
}

std::string name_in_path(const http::Request& request) { return store_name(request.captures.at(0)); }

http::Response list(const AdminServices& admin, const http::Request& request) {
  TokenQuery query = read_token_query(request);
  const std::int64_t page = query_number(request, "page", 1, max_page, 1);
  query.limit = query_number(request, "limit", 1, max_page_size, 50);
  query.after = read_cursor(request);
  if (query.after && page > 1) refuse("'page' and 'after' do not go together");
  query.offset = (page - 1) * query.limit;
  const TokenPage found = admin.store.list(query, admin.services.period());
  Json tokens = Json::array();
  for (const TokenState& state : found.tokens) tokens.push_back(admin_json(state));
  return http::json_response(200, {{"tokens", tokens},
                                   {"total", found.total},
                                   {"page", page},
                                   {"limit", query.limit},
                                   {"next", found.next ? Json(cursor_text(*found.next)) : Json()}});
}

http::Response issue(const AdminServices& admin, const http::Request& request) {
  const bool has_labels = request.body.find("\"labels\"") != std::string::npos;
  const Json body = parse_object(request.body, has_labels ? max_labels_bytes : max_body_bytes);
  refuse_unknown(body, {"count", "label", "labels", "platform", "quota", "plan"}, "the body");
  const auto labels = optional_texts(body, "labels", max_issued_at_once);
  const auto one_label = optional_text(body, "label");
  const auto given_count = optional_number(body, "count", 1, max_issued_at_once);
  if (labels && (one_label || given_count)) refuse("'labels' goes without 'label' and 'count'");
  const std::size_t count = labels ? labels->size() : static_cast<std::size_t>(given_count.value_or(1));
  TokenRequest wanted;
  wanted.label = one_label.value_or("");
  wanted.platform = optional_text(body, "platform").value_or(any_platform);
  if (wanted.platform != any_platform && !contains(token_platforms(), wanted.platform)) {
    refuse("'platform' must be one of " + join(token_platforms(), ", ") + ", or 'any'");
  }
  wanted.version = version();
  const QuotaChange quota = quota_member(body);
  wanted.daily_limit = quota.daily_limit;
  wanted.monthly_limit = quota.monthly_limit;
  wanted.plan = plan_member(body);

  std::vector<TokenRecord> records;
  Json issued = Json::array();
  for (std::size_t i = 0; i < count; ++i) {
    if (labels) wanted.label = (*labels)[i];
    wanted.install_id = random_uuid(admin.services.entropy);
    const IssuedToken one = make_token(admin.services, wanted);
    records.push_back(one.record);
    issued.push_back(issued_json(admin.services, one));
  }
  admin.store.issue_all(records);
  return http::json_response(200, count == 1 && !labels ? issued.front() : Json{{"tokens", issued}});
}

}  // namespace

std::string store_name(const std::string& id_or_token) {
  return is_token(id_or_token) ? token_hash(id_or_token) : id_or_token;
}

void refuse_unknown_token() { throw Error(ErrorKind::token_not_found, "there is no such token"); }

TokenQuery read_token_query(const http::Request& request) {
  using Status = TokenState::Status;
  TokenQuery query;
  query.text = query_text(request, "q", max_text_bytes);
  if (is_token(query.text)) query.hash = token_hash(std::exchange(query.text, {}));
  query.status = query_choice<std::optional<Status>>(request, "status",
                                                     {{"", std::nullopt},
                                                      {"active", Status::active},
                                                      {"disabled", Status::disabled},
                                                      {"expired", Status::expired},
                                                      {"quota_exceeded", Status::quota_exceeded},
                                                      {"deleted", Status::deleted}});
  query.plan = query_text(request, "plan", max_text_bytes);
  query.sort = query_choice<TokenSort>(request, "sort",
                                       {{"created_at", TokenSort::created_at},
                                        {"last_used_at", TokenSort::last_used_at},
                                        {"label", TokenSort::label},
                                        {"platform", TokenSort::platform},
                                        {"id", TokenSort::id}});
  query.order = query_choice<SortOrder>(request, "order",
                                        {{"desc", SortOrder::descending}, {"asc", SortOrder::ascending}});
  return query;
}

TokenChange read_change(const AdminServices& admin, const Json& body, const std::string& what) {
  refuse_unknown(body, {"status", "label", "quota", "plan"}, what);
  TokenChange change;
  if (const auto status = optional_text(body, "status")) {
    if (*status != "active" && *status != "disabled") refuse("'status' must be 'active' or 'disabled'");
    change.status = *status == "active" ? TokenStatus::active : TokenStatus::disabled;
  }
  change.label = optional_text(body, "label");
  const QuotaChange quota = quota_member(body);
  change.daily_limit = quota.daily_limit;
  change.monthly_limit = quota.monthly_limit;
  change.plan = plan_member(body);
  if (change.plan && !change.plan->empty()) demand_plan(admin.services, *change.plan, "'plan'");
  return change;
}

void add_admin_token_routes(http::Routes& routes, const AdminServices& admin) {
  routes.push_back(
      {"GET", "/api/admin/tokens", http::Access::admin,
       http::BlockingHandler([admin](const http::Request& request) { return list(admin, request); })});
  routes.push_back(
      {"POST", "/api/admin/tokens", http::Access::admin,
       http::BlockingHandler([admin](const http::Request& request) { return issue(admin, request); })});
  routes.push_back({"GET", "/api/admin/tokens/([^/]+)", http::Access::admin,
                    http::BlockingHandler([admin](const http::Request& request) {
                      const auto state = admin.store.find(name_in_path(request), admin.services.period());
                      if (!state) refuse_unknown_token();
                      return http::json_response(200, admin_json(*state));
                    })});
  routes.push_back({"PATCH", "/api/admin/tokens/([^/]+)", http::Access::admin,
                    http::BlockingHandler([admin](const http::Request& request) {
                      const TokenChange change = read_change(admin, parse_object(request.body), "the body");
                      const auto state =
                          admin.store.change(name_in_path(request), change, admin.services.period());
                      if (!state) refuse_unknown_token();
                      return http::json_response(200, admin_json(*state));
                    })});
  routes.push_back({"DELETE", "/api/admin/tokens/([^/]+)", http::Access::admin,
                    http::BlockingHandler([admin](const http::Request& request) {
                      const Time now = admin.services.clock.now();
                      if (!admin.store.remove_all({name_in_path(request)}, now).empty())
                        refuse_unknown_token();
                      return http::Response{204};
                    })});
  routes.push_back({"POST", "/api/admin/tokens/([^/]+)/restore", http::Access::admin,
                    http::BlockingHandler([admin](const http::Request& request) {
                      const std::string name = name_in_path(request);
                      // To restore one that is not deleted changes nothing, and is no mistake.
                      admin.store.restore_all({name});
                      const auto state = admin.store.find(name, admin.services.period());
                      if (!state) refuse_unknown_token();
                      return http::json_response(200, admin_json(*state));
                    })});
}

}  // namespace opencat::routes
