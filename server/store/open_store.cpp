// SPDX-License-Identifier: MIT
#include "server/store/open_store.hpp"

#include "opencat/error.hpp"
#include "server/store/sqlite_store.hpp"
#include "server/store/table_port.hpp"
#ifdef OPENCAT_POSTGRES
#include "server/store/postgres/postgres_port.hpp"
#include "server/store/postgres/postgres_store.hpp"
#endif

namespace opencat {

#ifndef OPENCAT_POSTGRES
namespace {

Error without_postgres() {
  return {ErrorKind::usage,
          "this opencat was built without PostgreSQL; take a release for Linux, build one where libpqxx is "
          "(Debian's "
          "libpqxx-dev), or keep the data in SQLite"};
}

}  // namespace
#endif

std::string AdminStore::shared_text(const std::string&, const std::string& if_absent) { return if_absent; }

std::string AdminStore::change_shared_text(const std::string&, const ChangeText&) {
  throw Error(ErrorKind::failed, "this store is not shared");
}

std::string AdminStore::fold_due(const std::string&) { return {}; }

std::unique_ptr<AdminStore> open_store(const StoreAddress& address, const StoreOptions& options) {
  if (!address.is_shared()) return open_sqlite_store(address.file, options);
#ifdef OPENCAT_POSTGRES
  return open_postgres_store(address.url, options);
#else
  throw without_postgres();
#endif
}

std::unique_ptr<TablePort> open_table_port(const StoreAddress& address, PortUse use) {
  if (!address.is_shared()) return open_sqlite_port(address.file, use);
#ifdef OPENCAT_POSTGRES
  return open_postgres_port(address.url, use);
#else
  throw without_postgres();
#endif
}

}  // namespace opencat
