// SPDX-License-Identifier: MIT
// The only file that includes SQLiteCpp; for the .cpp files of this folder, and for no other.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

#include <SQLiteCpp/Backup.h>
#include <SQLiteCpp/SQLiteCpp.h>

namespace opencat::sqlite {

/// Whose eyes an error is for: the operator's while a file is opened, so that it names the file and says what
/// to do with it; a client's while it serves, so that it names nothing, and the detail is for the log.
enum class Moment { opening, serving };

/// Throws the Error that SQLiteCpp's exception comes to.
[[noreturn]] void rethrow(const SQLite::Exception& problem, Moment moment, const std::filesystem::path& file);

/// Runs `work` with SQLiteCpp's exceptions as the project's, for a server's clients.
void serving(const std::filesystem::path& file, const std::function<void()>& work);

/// The schema that this program makes: how many migrations it knows.
int newest_schema();

enum class Role {
  writer,  ///< makes the file and its schema when they are missing
  reader,  ///< may change nothing; the file must be there
};

/// A connection to the server's database; not for two threads at once. Throws SQLite::Exception, and
/// Error(usage) for a database that is newer than the migrations known here (changing nothing).
SQLite::Database connect(const std::filesystem::path& file, Role role,
                         std::chrono::milliseconds busy_timeout = std::chrono::seconds{5});

/// Lends a prepared statement, and gives it back unbound however its use ends: a cursor left open would hold
/// the WAL.
class Lent {
 public:
  explicit Lent(SQLite::Statement& statement) : statement_(statement) {}
  ~Lent() {
    statement_.tryReset();
    statement_.clearBindings();
  }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
  SQLite::Statement* operator->() { return &statement_; }
  SQLite::Statement& operator*() { return statement_; }

 private:
  SQLite::Statement& statement_;
};

/// Binds the bytes as a BLOB.
void bind_blob(SQLite::Statement& statement, int index, const std::string& bytes);

/// Runs `work` as one: if it throws, nothing of it is left in the transaction around it.
void in_savepoint(SQLite::Database& database, const std::function<void()>& work);

}  // namespace opencat::sqlite
