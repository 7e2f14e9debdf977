// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "server/http/router.hpp"
#include "server/routes/bundle_shelf.hpp"

namespace opencat::routes {

/// GET /api/downloads, which lists the bundles of the shelf, and GET /download/PLATFORM, which gives one.
/// They are read and sent piece by piece; a new one is hashed by a thread of the routes' own, which goes with
/// them.
void add_download_routes(http::Routes& routes, std::unique_ptr<BundleShelf> shelf);

}  // namespace opencat::routes
