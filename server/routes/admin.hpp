// SPDX-License-Identifier: MIT
#pragma once

#include "server/http/router.hpp"
#include "server/routes/enrollment_keys.hpp"
#include "server/routes/guard.hpp"
#include "server/routes/services.hpp"
#include "server/store/admin_store.hpp"

namespace opencat::routes {

/// What the admin's routes work with beside the others' services; all of it outlives them.
struct AdminServices {
  Services& services;
  AdminStore& store;
  EnrollmentKeys& keys;
  EnrollmentMode mode;
};

/// /api/admin/*
void add_admin_routes(http::Routes& routes, const AdminServices& admin);

/// The part of them that is about tokens.
void add_admin_token_routes(http::Routes& routes, const AdminServices& admin);

}  // namespace opencat::routes
