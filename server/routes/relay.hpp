// SPDX-License-Identifier: MIT
#pragma once

#include "server/http/router.hpp"
#include "server/routes/services.hpp"

namespace opencat::routes {

/// The calls of OpenAI's and Anthropic's APIs that go on to an upstream: /v1/chat/completions and the others
/// of json_endpoints().
void add_relay_routes(http::Routes& routes, Services& services);

}  // namespace opencat::routes
