// SPDX-License-Identifier: MIT
#include "server/store/backup.hpp"

#include <sqlite3.h>

#include "opencat/busy_file.hpp"
#include "opencat/descriptor.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "server/store/sqlite.hpp"

namespace opencat {

namespace fs = std::filesystem;

namespace {

constexpr int pages_at_once = 4096;

void copy(SQLite::Database& source, SQLite::Database& made, std::stop_token stop) {
  // One snapshot, held open: else each change by the server would begin the copy anew.
  SQLite::Transaction snapshot(source);
  source.execAndGet("SELECT count(*) FROM sqlite_master");
  SQLite::Backup backup(made, source);
  while (backup.executeStep(pages_at_once) != SQLITE_DONE) {
    if (stop.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted; no backup was made");
  }
}

/// Makes it one file that stands by itself, and has SQLite look through it.
void finish(SQLite::Database& copy) {
  copy.exec("PRAGMA journal_mode = DELETE");
  const std::string verdict = copy.execAndGet("PRAGMA quick_check(1)").getString();
  if (verdict != "ok") {
    throw Error(
        ErrorKind::integrity,
        "the copy is damaged, as the database must be; nothing was kept of it. Stop the server and put "
        "an older backup in its place",
        verdict);
  }
}

/// The file is its owner's alone, and on the disk.
void settle(const fs::path& path) {
  const int opened = descriptor::open(path, descriptor::Opening::modify);
  const bool well = opened >= 0 && descriptor::set_mode(opened, 0600) && descriptor::sync(opened);
  const Error problem = system_error("cannot write " + path.string());
  if (opened >= 0) descriptor::close(opened);
  if (!well) throw problem;
}

}  // namespace

std::uintmax_t back_up_database(const fs::path& database, const fs::path& target, std::stop_token stop) {
  if (!fs::exists(database)) {
    throw Error(ErrorKind::usage,
                "there is no " + database.string() + "; name the server's data folder with --data-dir");
  }
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  const TemporaryFolder scratch(folder, ".opencat-backup-");
  const fs::path file = scratch.path() / "opencat.db";
  try {
    SQLite::Database source = sqlite::connect(database, sqlite::Role::reader);
    SQLite::Database made(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    copy(source, made, std::move(stop));
    finish(made);
  } catch (const SQLite::Exception& problem) {
    sqlite::rethrow(problem, sqlite::Moment::opening, database);
  }
  settle(file);
  const std::uintmax_t size = fs::file_size(file);
  retry_while_busy("cannot write " + target.string(), [&] { return descriptor::rename(file, target); });
  if (!descriptor::sync_folder(folder)) throw system_error("cannot write " + folder.string());
  return size;
}

}  // namespace opencat
