// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "server/store/admin_store.hpp"

namespace opencat {

/// Where a server's data is: in `url`'s PostgreSQL, or in `file` if that is empty.
struct StoreAddress {
  std::string url;  ///< with its password, so nothing may show it
  std::filesystem::path file;
  bool is_shared() const { return !url.empty(); }
};

/// The store at that address. Throws Error(usage) for one that this program cannot keep, and what
/// open_sqlite_store() and open_postgres_store() throw.
std::unique_ptr<AdminStore> open_store(const StoreAddress& address, const StoreOptions& options);

}  // namespace opencat
