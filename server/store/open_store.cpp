// SPDX-License-Identifier: MIT
#include "server/store/open_store.hpp"

#include "opencat/error.hpp"
#include "server/store/sqlite_store.hpp"
#ifdef OPENCAT_POSTGRES
#include "server/store/postgres/postgres_store.hpp"
#endif

namespace opencat {

std::string AdminStore::shared_text(const std::string&, const std::string& if_absent) { return if_absent; }

std::string AdminStore::change_shared_text(const std::string&, const ChangeText&) {
  throw Error(ErrorKind::failed, "this store is not shared");
}

std::unique_ptr<AdminStore> open_store(const StoreAddress& address, const StoreOptions& options) {
  if (!address.is_shared()) return open_sqlite_store(address.file, options);
#ifdef OPENCAT_POSTGRES
  return open_postgres_store(address.url, options);
#else
  throw Error(ErrorKind::usage,
              "this opencat was built without PostgreSQL; take one that was built with libpqxx (the Debian "
              "package is), or leave --store away");
#endif
}

}  // namespace opencat
