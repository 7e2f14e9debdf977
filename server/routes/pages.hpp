// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "server/http/router.hpp"

namespace opencat::routes {

/// Whether the server has something to download, and so the page for it.
enum class Downloads { none, offered };

/// The pages that web/build.mjs made, with what they load. `public_url` is where "/" leads
/// from.
void add_page_routes(http::Routes& routes, const std::string& public_url, Downloads downloads);

}  // namespace opencat::routes
