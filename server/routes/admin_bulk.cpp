// SPDX-License-Identifier: MIT
// POST /api/admin/tokens/bulk: one thing done to many tokens at once.
#include <nlohmann/json.hpp>

#include "server/routes/admin.hpp"
#include "server/routes/token_json.hpp"

namespace opencat::routes {

using Json = nlohmann::json;

namespace {

constexpr std::size_t max_at_once = 1000;
constexpr std::size_t max_bulk_bytes = 256 << 10;

std::vector<std::string> store_names(const std::vector<std::string>& names) {
  std::vector<std::string> known;
  for (const std::string& name : names) known.push_back(store_name(name));
  return known;
}

/// What was asked to be done to `names`; those of them that there are not.
std::vector<std::string> do_to_all(const AdminServices& admin, const Json& body,
                                   const std::vector<std::string>& names) {
  const std::string action = text_member(body, "action");
  const auto change = body.find("change");
  if (action != "change" && change != body.end()) refuse("'change' goes with the action 'change' only");
  if (action == "delete") return admin.store.remove_all(names, admin.services.clock.now());
  if (action == "restore") return admin.store.restore_all(names);
  if (action != "change") refuse("'action' must be 'change', 'delete' or 'restore'");
  if (change == body.end() || !change->is_object()) refuse("'change' must be an object");
  return admin.store.change_all(names, read_change(admin, *change, "'change'"), admin.services.period());
}

http::Response bulk(const AdminServices& admin, const http::Request& request) {
  const Json body = parse_object(request.body, max_bulk_bytes);
  refuse_unknown(body, {"ids", "action", "change"}, "the body");
  const auto given = optional_texts(body, "ids", max_at_once);
  if (!given) refuse("'ids' must be a list of tokens' ids");
  const std::vector<std::string> names = store_names(*given);
  const std::vector<std::string> absent = do_to_all(admin, body, names);
  // A whole token is not said back.
  Json missing = Json::array();
  for (std::size_t i = 0, at = 0; i < names.size() && at < absent.size(); ++i) {
    if (names[i] != absent[at]) continue;
    ++at;
    missing.push_back(names[i] == (*given)[i] ? names[i] : (*given)[i].substr(0, 8) + "****");
  }
  return http::json_response(200, {{"done", names.size() - absent.size()}, {"missing", missing}});
}

}  // namespace

void add_admin_bulk_routes(http::Routes& routes, const AdminServices& admin) {
  routes.push_back(
      {"POST", "/api/admin/tokens/bulk", http::Access::admin,
       http::BlockingHandler([admin](const http::Request& request) { return bulk(admin, request); })});
}

}  // namespace opencat::routes
