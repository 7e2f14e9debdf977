// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include "server/store/admin_store.hpp"

namespace opencat {

/// A Store in PostgreSQL, or in what speaks its protocol, which any number of servers share. Applies missing
/// migrations when it opens. Throws Error(unavailable) when the database cannot be reached and Error(usage)
/// when it is of no use, naming it without its password. Later, while it cannot be reached, all that is asked
/// of it is Error(unavailable), which names nothing.
std::unique_ptr<AdminStore> open_postgres_store(const std::string& url, const StoreOptions& options);

}  // namespace opencat
