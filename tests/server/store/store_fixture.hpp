// SPDX-License-Identifier: MIT
// A store of each kind in a place of its own, and an operator's view of it.
#pragma once

#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <sqlite3.h>

#include "opencat/file.hpp"
#include "server/store/open_store.hpp"
#include "tests/catch.hpp"
#include "tests/server/store/postgres_server.hpp"

namespace opencat::store_test {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

inline const Time now{1'795'424'400s};  // 2026-11-23T09:00:00Z

/// The first column of what the statement gives, as an operator's tool would read it.
inline std::vector<std::string> sql(const fs::path& file, const std::string& statement) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &database) == SQLITE_OK);
  sqlite3_busy_timeout(database, 10'000);
  std::vector<std::string> rows;
  const auto collect = [](void* list, int, char** values, char**) {
    static_cast<std::vector<std::string>*>(list)->emplace_back(values[0] == nullptr ? "NULL" : values[0]);
    return 0;
  };
  const int code = sqlite3_exec(database, statement.c_str(), collect, &rows, nullptr);
  INFO(sqlite3_errmsg(database));
  REQUIRE(code == SQLITE_OK);
  sqlite3_close(database);
  return rows;
}

enum class StoreKind { sqlite, postgres };

/// Those that can be had here; a test that begins with `Fixture fixture(EACH_STORE)` runs on each of them.
inline std::vector<StoreKind> store_kinds() {
#ifdef OPENCAT_POSTGRES
  static const bool postgres = !new_postgres_schema().empty();
  if (postgres) return {StoreKind::sqlite, StoreKind::postgres};
#endif
  return {StoreKind::sqlite};
}
#define EACH_STORE GENERATE(from_range(opencat::store_test::store_kinds()))

/// A store in a place of its own, which goes with it.
struct Fixture {
  TemporaryFolder folder{fs::temp_directory_path(), "opencat-store-"};
  fs::path file = folder.path() / "data" / "opencat.db";
  StoreAddress address;
  std::unique_ptr<AdminStore> store;

  explicit Fixture(StoreKind kind, std::size_t per_minute = 1'000'000)
      : address{kind == StoreKind::postgres ? new_postgres_schema() : std::string(), file} {
    open(per_minute);
  }
  explicit Fixture(std::size_t per_minute = 1'000'000) : Fixture(StoreKind::sqlite, per_minute) {}
  void open(std::size_t per_minute = 1'000'000, std::chrono::milliseconds busy_timeout = 5s) {
    store.reset();
    store = open_store(address, {per_minute, busy_timeout});
  }
  std::vector<std::string> sql(const std::string& statement) const {
    return address.is_shared() ? psql(address.url, statement) : store_test::sql(file, statement);
  }
  /// Where all that was counted stands.
  std::string all_usage() const { return address.is_shared() ? "all_usage" : "usage"; }
  /// Waits until all that was to be settled and given back is, and stands in all_usage().
  void commit() const {
    std::promise<void> committed;
    store->probe([&](std::exception_ptr problem) {
      CHECK_FALSE(problem);
      committed.set_value();
    });
    committed.get_future().get();
    store->fold_usage();
  }

  TokenRecord issue(char name, Limits limits = {}) {
    TokenRecord token;
    token.id = std::string("tok_") + name;
    token.hash = std::string(32, name);
    token.prefix = "occ_0000";
    token.platform = "linux-x64";
    token.install_id.assign(1, 'i');
    token.version.assign(1, '1');
    token.limits = limits;
    token.created_at = iso8601(now);
    store->issue(token);
    return token;
  }

  Admission admit(const TokenRecord& token, Time when = now, const std::string& model = "m") {
    std::promise<Admission> answered;
    store->admit({token.hash, model, quota_period(when, 0min), when},
                 [&](Admission admission, std::exception_ptr problem) {
                   if (problem) return answered.set_exception(problem);
                   answered.set_value(std::move(admission));
                 });
    return answered.get_future().get();
  }

  QuotaUse use(const TokenRecord& token, Time when = now) {
    const auto state = store->find_by_hash(token.hash, quota_period(when, 0min));
    REQUIRE(state);
    return state->use;
  }
};

}  // namespace opencat::store_test
