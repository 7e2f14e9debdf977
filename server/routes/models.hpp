// SPDX-License-Identifier: MIT
#pragma once

#include "server/http/router.hpp"
#include "server/routes/services.hpp"

namespace opencat::routes {

/// GET /v1/models and GET /v1/models/{id}
void add_model_routes(http::Routes& routes, Services& services);

/// GET /api/admin/upstreams
void add_upstream_routes(http::Routes& routes, Services& services);

}  // namespace opencat::routes
