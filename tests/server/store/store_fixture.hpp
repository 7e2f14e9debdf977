// SPDX-License-Identifier: MIT
// A store in a folder of its own, and an operator's view of its file.
#pragma once

#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <sqlite3.h>

#include "opencat/file.hpp"
#include "server/store/sqlite_store.hpp"
#include "tests/catch.hpp"

namespace opencat::store_test {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

inline const Time now{1'795'424'400s};  // 2026-11-23T09:00:00Z

/// A store in a folder of its own, which goes with it.
struct Fixture {
  TemporaryFolder folder{fs::temp_directory_path(), "opencat-store-"};
  fs::path file = folder.path() / "data" / "opencat.db";
  std::unique_ptr<AdminStore> store;

  explicit Fixture(std::size_t per_minute = 1'000'000) { open(per_minute); }
  void open(std::size_t per_minute = 1'000'000, std::chrono::milliseconds busy_timeout = 5s) {
    store.reset();
    store = open_sqlite_store(file, {per_minute, busy_timeout});
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

}  // namespace opencat::store_test
