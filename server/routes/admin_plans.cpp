// SPDX-License-Identifier: MIT
// /api/admin/plans
#include <algorithm>

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "opencat/text.hpp"
#include "server/routes/admin.hpp"
#include "server/routes/plan_json.hpp"
#include "server/routes/query.hpp"
#include "server/routes/token_json.hpp"

namespace opencat::routes {

using Json = nlohmann::json;

namespace {

std::string name_in_path(const http::Request& request) { return request.captures.at(0); }

[[noreturn]] void refuse_unknown_plan() {
  throw Error(ErrorKind::not_found, "there is no such plan; GET /api/admin/plans lists them");
}

void demand_own(const Plan& plan) {
  if (!plan.from_file) return;
  throw Error(ErrorKind::conflict, "the plan '" + plan.name +
                                       "' is in the server's configuration file (opencat.toml): change it "
                                       "there, then send the server SIGHUP");
}

http::Response list(const AdminServices& admin) {
  Json plans = Json::array();
  for (const PlanUse& use : admin.store.plans()) plans.push_back(plan_json(use));
  const std::string standard = admin.services.default_plan->name();
  return http::json_response(
      200, {{"plans", plans}, {"default_plan", standard.empty() ? Json() : Json(standard)}});
}

http::Response show(const AdminServices& admin, const std::string& name, int status = 200) {
  const auto use = admin.store.plan(name);
  if (!use) refuse_unknown_plan();
  return http::json_response(status, plan_json(*use));
}

http::Response add(const AdminServices& admin, const http::Request& request) {
  const Json body = parse_object(request.body, max_plan_bytes);
  Plan plan;
  plan.name = text_member(body, "name");
  if (!is_plan_name(plan.name)) {
    refuse("'name' must have 1 to 40 of a-z, 0-9, '-' and '_', and begin with a letter or a digit");
  }
  edit_plan(plan, body, {"name"});
  if (!admin.store.add_plan(plan, admin.services.period()))
    throw Error(ErrorKind::conflict, "there is a plan '" + plan.name + "' already; PATCH changes it");
  return show(admin, plan.name);
}

http::Response change(const AdminServices& admin, const http::Request& request) {
  const std::string name = name_in_path(request);
  const Json body = parse_object(request.body, max_plan_bytes);
  const auto edited = admin.store.edit_plan(
      name,
      [&](Plan& plan) {
        demand_own(plan);
        edit_plan(plan, body, {});
      },
      admin.services.period());
  if (!edited) refuse_unknown_plan();
  return show(admin, name);
}

/// Throws Error(conflict) for the plan that new tokens get.
PlanRemoval remove_unless_standard(const AdminServices& admin, const std::string& name,
                                   const std::optional<std::string>& target) {
  return admin.services.default_plan->while_it_is([&](const std::string& standard) {
    if (standard == name) {
      throw Error(ErrorKind::conflict,
                  "new tokens get the plan '" + name +
                      "' (default_plan in the server's settings): name another there first");
    }
    return admin.store.remove_plan(name, target, admin.services.period());
  });
}

http::Response remove(const AdminServices& admin, const http::Request& request) {
  const std::string name = name_in_path(request);
  const auto use = admin.store.plan(name);
  if (!use) refuse_unknown_plan();
  demand_own(use->plan);
  const std::string target = query_text(request, "move_to", max_text_bytes);
  if (!target.empty()) {
    if (target == name) refuse("'move_to' must be another plan");
    demand_plan(admin.services, target, "'move_to'");
  }
  const PlanRemoval removal =
      remove_unless_standard(admin, name, target.empty() ? std::nullopt : std::optional(target));
  if (!removal.found) refuse_unknown_plan();
  if (removal.tokens > 0 && target.empty()) {
    throw Error(ErrorKind::conflict,
                "the plan '" + name + "' has " + std::to_string(removal.tokens) +
                    " token(s), deleted ones among them: say with ?move_to=PLAN which plan they get");
  }
  return http::Response{204};
}

}  // namespace

void add_admin_plan_routes(http::Routes& routes, const AdminServices& admin) {
  routes.push_back({"GET", "/api/admin/plans", http::Access::admin,
                    http::BlockingHandler([admin](const http::Request&) { return list(admin); })});
  routes.push_back(
      {"POST", "/api/admin/plans", http::Access::admin,
       http::BlockingHandler([admin](const http::Request& request) { return add(admin, request); })});
  routes.push_back({"GET", "/api/admin/plans/([^/]+)", http::Access::admin,
                    http::BlockingHandler([admin](const http::Request& request) {
                      return show(admin, name_in_path(request));
                    })});
  routes.push_back(
      {"PATCH", "/api/admin/plans/([^/]+)", http::Access::admin,
       http::BlockingHandler([admin](const http::Request& request) { return change(admin, request); })});
  routes.push_back(
      {"DELETE", "/api/admin/plans/([^/]+)", http::Access::admin,
       http::BlockingHandler([admin](const http::Request& request) { return remove(admin, request); })});
}

}  // namespace opencat::routes
