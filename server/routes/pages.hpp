// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "server/http/router.hpp"

namespace opencat::routes {

/// The pages that web/build.mjs made, with what they load. `public_url` is where "/" leads
/// from.
void add_page_routes(http::Routes& routes, const std::string& public_url);

}  // namespace opencat::routes
