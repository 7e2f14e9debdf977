// SPDX-License-Identifier: MIT
#pragma once

#include "server/http/router.hpp"
#include "server/routes/guard.hpp"
#include "server/routes/services.hpp"

namespace opencat::routes {

/// /api/admin/*
void add_admin_routes(http::Routes& routes, Services& services, const AccessGuard& guard);

}  // namespace opencat::routes
