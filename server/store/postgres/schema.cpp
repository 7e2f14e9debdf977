// SPDX-License-Identifier: MIT
#include "server/store/postgres/schema.hpp"

#include "opencat/assets.hpp"

namespace opencat::postgres {

namespace {

constexpr const char* migrations_prefix = "migrations/postgres/";

void check_encoding(Session& session, const std::string& shown) {
  const Rows rows = session.run("SHOW server_encoding");
  if (rows.empty() || text(rows[0], 0) == "UTF8") return;
  throw Error(ErrorKind::usage, "the database " + shown + " keeps its texts as " + text(rows[0], 0) +
                                    ", and labels may be of any language; make one with ENCODING 'UTF8'");
}

bool has_table(Session& session, const std::string& name) {
  return !session
              .ask(
                  "SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema() AND "
                  "table_name = $1",
                  {name})
              .empty();
}

/// Two that make the same table at once: one of them is told that it is there, in one of several ways.
void make_version_table(Session& session, const std::string& statements) {
  for (int tries = 1;; ++tries) {
    try {
      session.run(statements);
      return;
    } catch (const Failure& failure) {
      if (session.lost() || tries == most_tries) throw;
    }
  }
}

}  // namespace

void check_version(Session& session, const std::string& shown) {
  const auto newest = static_cast<std::int64_t>(assets_under(migrations_prefix).size()) - 1;
  std::int64_t version = -1;
  if (has_table(session, "schema_version")) {
    const Rows rows = session.run("SELECT version FROM schema_version WHERE name = 'opencat'");
    if (!rows.empty()) version = number(rows[0], 0);
  }
  if (version == newest) return;
  throw Error(
      ErrorKind::usage,
      "the database " + shown +
          (version < 0        ? " has no tables of opencat's; check its name"
           : version > newest ? " is of a newer opencat; use that one"
                              : " is of an older opencat; start this one's 'opencat serve' on it once, which "
                                "brings it up to date"));
}

bool is_half_moved(Session& session) { return has_table(session, "moving"); }

void migrate(Session& session, const std::string& shown) {
  check_encoding(session, shown);
  const auto migrations = assets_under(migrations_prefix);  // the first makes the table of versions
  make_version_table(session, std::string(migrations.at(0).bytes));
  const auto newest = static_cast<std::int64_t>(migrations.size()) - 1;
  session.transact([&] {
    const Rows rows = session.run("SELECT version FROM schema_version WHERE name = 'opencat' FOR UPDATE");
    const std::int64_t version = number(rows[0], 0);
    if (version > newest) {
      throw Error(ErrorKind::usage, "the database " + shown + " is of a newer opencat (schema " +
                                        std::to_string(version) + ", this program knows " +
                                        std::to_string(newest) + "); use that one");
    }
    if (version == newest) return;
    for (auto next = static_cast<std::size_t>(version) + 1; next < migrations.size(); ++next)
      session.run(std::string(migrations[next].bytes));
    session.ask("UPDATE schema_version SET version = $1 WHERE name = 'opencat'", {std::to_string(newest)});
  });
}

}  // namespace opencat::postgres
