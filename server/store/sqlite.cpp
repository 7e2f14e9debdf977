// SPDX-License-Identifier: MIT
#include "server/store/sqlite.hpp"

#include <sqlite3.h>

#include "opencat/assets.hpp"
#include "opencat/descriptor.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"

namespace opencat::sqlite {

namespace fs = std::filesystem;

namespace {

constexpr const char* migrations_prefix = "migrations/sqlite/";

Error opening_error(int code, const fs::path& file, const std::string& detail) {
  switch (code) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(ErrorKind::usage,
                   file.string() +
                       " is damaged or no database; move it away and put a backup in its place (one made by "
                       "'opencat backup')",
                   detail);
    case SQLITE_FULL:
      return Error(ErrorKind::failed, "the disk with " + file.string() + " is full", detail);
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return Error(ErrorKind::failed, "cannot write " + file.string() + "; check its owner and its folder's",
                   detail);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error(ErrorKind::unavailable,
                   "another program holds " + file.string() + "; try again when it is done", detail);
    default:
      return Error(ErrorKind::failed, "cannot use the database " + file.string(), detail);
  }
}

Error serving_error(int code, const std::string& detail) {
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
    Error error(ErrorKind::unavailable, "the server's data is held by another program; try again in a moment",
                detail);
    error.retry_after_s = 5;
    return error;
  }
  return Error(ErrorKind::failed, "the server's database failed; its log says more", detail);
}

/// Makes the file if it is missing, for its owner only: SQLite itself would go by the umask.
void make_private_file(const fs::path& file) {
  make_folders(file.parent_path(), 0700);
  const int opened = descriptor::open(file, descriptor::Opening::modify);
  if (opened < 0) throw system_error("cannot write " + file.string());
  descriptor::close(opened);
}

/// The file's schema version. Throws when it is newer than the migrations known here; changes nothing.
int checked_version(SQLite::Database& database, const fs::path& file, int newest) {
  const int version = database.execAndGet("PRAGMA user_version").getInt();
  if (version > newest) {
    throw Error(ErrorKind::usage, file.string() + " is of a newer opencat (schema " +
                                      std::to_string(version) + ", this program knows " +
                                      std::to_string(newest) + "); use that one");
  }
  return version;
}

void migrate(SQLite::Database& database, int version, const std::vector<Asset>& migrations) {
  const int newest = static_cast<int>(migrations.size());
  for (int next = version; next < newest; ++next) {
    SQLite::Transaction transaction(database);
    database.exec(std::string(migrations[static_cast<std::size_t>(next)].bytes));
    database.exec("PRAGMA user_version = " + std::to_string(next + 1));
    transaction.commit();
  }
}

}  // namespace

void rethrow(const SQLite::Exception& problem, Moment moment, const fs::path& file) {
  const int code = problem.getErrorCode() & 0xff;  // without the extension
  throw moment == Moment::opening ? opening_error(code, file, problem.what())
                                  : serving_error(code, problem.what());
}

void serving(const fs::path& file, const std::function<void()>& work) {
  try {
    work();
  } catch (const SQLite::Exception& problem) {
    rethrow(problem, Moment::serving, file);
  }
}

int newest_schema() { return static_cast<int>(assets_under(migrations_prefix).size()); }

SQLite::Database connect(const fs::path& file, Role role, std::chrono::milliseconds busy_timeout) {
  // SQLite counts its memory under a lock taken for each allocation, and nobody asks for that count.
  static const int without_statistics = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(without_statistics);
  if (role == Role::writer) make_private_file(file);
  SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX,
                            static_cast<int>(busy_timeout.count()));
  const std::vector<Asset> migrations = assets_under(migrations_prefix);
  const int version = checked_version(database, file, static_cast<int>(migrations.size()));
  if (role == Role::reader) {
    database.exec("PRAGMA query_only = ON");
    database.exec("PRAGMA cache_size = -16384");
    return database;
  }
  database.exec("PRAGMA journal_mode = WAL");
  // FULL: a commit is on the disk, not only with the kernel, before it counts. Group commit pays for it.
  database.exec("PRAGMA synchronous = FULL");
  // The WAL goes into the database each 16 MiB, and its file is cut back when a long reader made it longer.
  database.exec("PRAGMA wal_autocheckpoint = 4096");
  database.exec("PRAGMA journal_size_limit = 67108864");
  // Up to 64 MiB of the pages in use, so that with a million tokens they need not be read again each time.
  database.exec("PRAGMA cache_size = -65536");
  // A migration may replace a table that others refer to.
  database.exec("PRAGMA foreign_keys = OFF");
  migrate(database, version, migrations);
  database.exec("PRAGMA foreign_keys = ON");
  return database;
}

void bind_blob(SQLite::Statement& statement, int index, const std::string& bytes) {
  statement.bind(index, bytes.data(), static_cast<int>(bytes.size()));
}

void in_savepoint(SQLite::Database& database, const std::function<void()>& work) {
  database.exec("SAVEPOINT piece");
  try {
    work();
  } catch (...) {
    // Some failures have ended the whole transaction already, and the savepoint with it.
    database.tryExec("ROLLBACK TO piece");
    database.tryExec("RELEASE piece");
    throw;
  }
  database.exec("RELEASE piece");
}

}  // namespace opencat::sqlite
