// SPDX-License-Identifier: MIT
#pragma once

#include "server/http/router.hpp"
#include "server/routes/services.hpp"

namespace opencat::routes {

/// POST /v1/chat/completions and GET /v1/models.
void add_chat_routes(http::Routes& routes, Services& services);

}  // namespace opencat::routes
