// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "server/store/postgres/session.hpp"

namespace opencat::postgres {

/// Brings the database to the newest of the migrations known here. Those that start at once queue at a row
/// lock, so it is done once. Throws Error(usage) for a database that is newer, or no good for this, with
/// nothing changed; `shown` is what messages call it.
void migrate(Session& session, const std::string& shown);

/// Throws Error(usage) unless the database has exactly the migrations known here.
void check_version(Session& session, const std::string& shown);

/// Whether rows are being moved to it, and are not all there yet.
bool is_half_moved(Session& session);

}  // namespace opencat::postgres
