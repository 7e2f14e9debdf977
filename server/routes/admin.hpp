// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>

#include <nlohmann/json_fwd.hpp>

#include "opencat/clock.hpp"
#include "server/http/router.hpp"
#include "server/routes/enrollment_keys.hpp"
#include "server/routes/guard.hpp"
#include "server/routes/services.hpp"
#include "server/store/admin_store.hpp"

namespace opencat::routes {

/// What a running server knows of itself.
struct ServerFigures {
  Time started_at;
  std::int64_t streams_open = 0;
  std::int64_t connections_open = 0;
  std::int64_t connections_limit = 0;
};

/// What the admin's routes work with beside the others' services; all of it outlives them.
struct AdminServices {
  Services& services;
  AdminStore& store;
  EnrollmentKeys& keys;
  EnrollmentMode mode;
  std::chrono::seconds keep_deleted{};          ///< so long a deleted token can be restored
  std::function<ServerFigures()> figures = {};  ///< any thread may call it; empty: no server runs
};

/// /api/admin/*
void add_admin_routes(http::Routes& routes, const AdminServices& admin);

/// The parts of them that are about tokens: one by one, many at once, and as CSV.
void add_admin_token_routes(http::Routes& routes, const AdminServices& admin);
void add_admin_bulk_routes(http::Routes& routes, const AdminServices& admin);
void add_admin_export_routes(http::Routes& routes, const AdminServices& admin);
void add_admin_plan_routes(http::Routes& routes, const AdminServices& admin);
/// The part that is about the server.
void add_admin_server_routes(http::Routes& routes, const AdminServices& admin);

/// How the store knows what an operator calls a token by: its id, or the hash of the token itself.
std::string store_name(const std::string& id_or_token);
[[noreturn]] void refuse_unknown_token();

/// Which tokens, in which order: the query's members but for the page. Throws Error(usage).
TokenQuery read_token_query(const http::Request& request);
/// Which usage, but for how many rows at most.
UsageQuery read_usage_query(const AdminServices& admin, const http::Request& request);
/// What a body says is to be different of a token.
TokenChange read_change(const AdminServices& admin, const nlohmann::json& body, const std::string& what);
const char* mode_text(EnrollmentMode mode);

}  // namespace opencat::routes
