// SPDX-License-Identifier: MIT
// GET /api/admin/server: what the server is, and how it is doing.
#include <nlohmann/json.hpp>

#include "opencat/version.hpp"
#include "server/routes/admin.hpp"

namespace opencat::routes {

using Json = nlohmann::json;

namespace {

http::Response server(const AdminServices& admin) {
  const TokenCounts tokens = admin.store.counts(admin.services.period());
  const Limits& limits = admin.services.default_limits;
  const std::string plan = admin.services.default_plan->name();
  Json answer{{"version", version()},
              {"protocol_version", protocol_version},
              {"time", iso8601(admin.services.clock.now())},
              {"utc_offset_minutes", admin.services.utc_offset.count()},
              {"public_url", admin.services.public_url},
              {"enrollment", mode_text(admin.mode)},
              {"default_quota", {{"daily_limit", limits.daily}, {"monthly_limit", limits.monthly}}},
              {"default_plan", plan.empty() ? Json() : Json(plan)},
              {"keep_deleted_s", admin.keep_deleted.count()},
              {"database_bytes", admin.store.bytes()},
              {"tokens",
               {{"total", tokens.all()},
                {"active", tokens.active},
                {"disabled", tokens.disabled},
                {"expired", tokens.expired},
                {"quota_exceeded", tokens.quota_exceeded},
                {"deleted", tokens.deleted}}}};
  if (admin.figures) {
    const ServerFigures figures = admin.figures();
    const auto up = admin.services.clock.now() - figures.started_at;
    answer["started_at"] = iso8601(figures.started_at);
    answer["uptime_s"] = std::chrono::duration_cast<std::chrono::seconds>(up).count();
    answer["streams_open"] = figures.streams_open;
    answer["connections_open"] = figures.connections_open;
    answer["connections_limit"] = figures.connections_limit;
  }
  return http::json_response(200, answer);
}

}  // namespace

void add_admin_server_routes(http::Routes& routes, const AdminServices& admin) {
  routes.push_back({"GET", "/api/admin/server", http::Access::admin,
                    http::BlockingHandler([admin](const http::Request&) { return server(admin); })});
}

}  // namespace opencat::routes
