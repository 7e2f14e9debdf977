// SPDX-License-Identifier: MIT
#include <sqlite3.h>

#include "opencat/assets.hpp"
#include "opencat/text.hpp"
#include "server/store/sqlite.hpp"
#include "server/store/table_port.hpp"
#include "server/store/usage_rows.hpp"

namespace opencat {

namespace fs = std::filesystem;

namespace {

std::string column_text(const MovedTable& table, std::size_t column) {
  const std::string& name = table.columns[column];
  return name == "token_hash" ? "lower(hex(token_hash))" : name;
}

/// "(a, b, c)"
std::string key_of(const MovedTable& table) {
  const std::vector<std::string> key(table.columns.begin(),
                                     table.columns.begin() + static_cast<std::ptrdiff_t>(table.key_columns));
  return "(" + join(key, ", ") + ")";
}

std::string marks(std::size_t count) { return "(" + join(std::vector<std::string>(count, "?"), ", ") + ")"; }

std::string bytes_of(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

class SqlitePort : public TablePort {
 public:
  SqlitePort(const fs::path& file, PortUse use)
      : file_(file),
        database_(
            sqlite::connect(file, use == PortUse::source ? sqlite::Role::reader : sqlite::Role::writer)) {
    if (use == PortUse::target) return;
    // Else the last to close it would put its WAL into it.
    sqlite3_db_config(database_.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    const auto newest = static_cast<int>(assets_under("migrations/sqlite/").size());
    if (database_.execAndGet("PRAGMA user_version").getInt() != newest) {
      throw Error(ErrorKind::usage, file.string() +
                                        " is of an older opencat; start this one's 'opencat serve' "
                                        "on it once, which brings it up to date");
    }
    // One state of it, whatever others do.
    database_.exec("BEGIN");
    has_recent_usage_ = database_.execAndGet("SELECT EXISTS (SELECT 1 FROM recent_usage)").getInt() != 0;
  }

  std::vector<TableRow> read(const MovedTable& table, const std::optional<TableRow>& after,
                             const std::optional<TableRow>& last, std::size_t most) override {
    std::vector<std::string> columns;
    for (std::size_t i = 0; i < table.columns.size(); ++i) columns.push_back(column_text(table, i));
    const std::string key = key_of(table).substr(1, key_of(table).size() - 2);
    // Numbered parameters: ?1… are the key `after`, ?11… the key `last`, ?21 is `most`.
    const auto marks_from = [&](int first) {
      std::vector<std::string> marks;
      for (std::size_t i = 0; i < table.key_columns; ++i)
        marks.push_back("?" + std::to_string(first + static_cast<int>(i)));
      return "(" + join(marks, ", ") + ")";
    };
    std::string range = " WHERE 1";
    if (after) range += " AND " + key_of(table) + " > " + marks_from(1);
    if (last) range += " AND " + key_of(table) + " <= " + marks_from(11);
    const std::string in_order = " ORDER BY " + key + " LIMIT ?21";
    std::string statement = "SELECT " + join(columns, ", ") + " FROM " + table.name + range + in_order;
    if (table.name == "usage" && has_recent_usage_)
      statement = with_recent_usage("SELECT * FROM (" + statement + ")", range) + in_order;
    SQLite::Statement query(database_, statement);
    for (std::size_t i = 0; i < table.key_columns; ++i) {
      if (after) bind(query, 1 + static_cast<int>(i), table, i, (*after)[i]);
      if (last) bind(query, 11 + static_cast<int>(i), table, i, (*last)[i]);
    }
    query.bind(21, static_cast<std::int64_t>(most));
    std::vector<TableRow> rows;
    while (query.executeStep()) {
      TableRow row;
      for (int i = 0; i < query.getColumnCount(); ++i) {
        const auto column = query.getColumn(i);
        row.push_back(column.isNull() ? std::nullopt : std::optional(column.getString()));
      }
      rows.push_back(std::move(row));
    }
    return rows;
  }

  void write(const MovedTable& table, const std::vector<TableRow>& removed,
             const std::vector<TableRow>& written) override {
    SQLite::Transaction transaction(database_);
    SQLite::Statement remove(database_, "DELETE FROM " + table.name + " WHERE " + key_of(table) + " = " +
                                            marks(table.key_columns));
    for (const TableRow& row : removed) run(remove, table, row, table.key_columns);
    SQLite::Statement insert(database_, "INSERT INTO " + table.name + " (" + join(table.columns, ", ") +
                                            ") VALUES " + marks(table.columns.size()));
    for (const TableRow& row : written) run(insert, table, row, table.columns.size());
    transaction.commit();
  }

  void begin(const std::string& source) override {
    SQLite::Transaction transaction(database_);
    if (database_.tableExists("moving")) {
      if (database_.execAndGet("SELECT source FROM moving").getString() != source)
        throw unfinished_move(file_.string());
      return;
    }
    if (database_.execAndGet("SELECT count(*) FROM (SELECT 1 FROM tokens LIMIT 1)").getInt() > 0) {
      throw Error(ErrorKind::usage, file_.string() + " has tokens already; name a new file, or an empty one");
    }
    database_.exec("CREATE TABLE moving (source TEXT NOT NULL)");
    SQLite::Statement note(database_, "INSERT INTO moving VALUES (?)");
    note.bind(1, source);
    note.exec();
    transaction.commit();
  }

  void end() override { database_.exec("DROP TABLE moving"); }

 private:
  /// The rows of `usage` with what a server that was killed left to be folded into them: as many as were
  /// asked for are enough of the first, as each of the second is among them or makes one of them be left.
  static std::string with_recent_usage(const std::string& usage, const std::string& range) {
    const std::string columns = usage_columns;
    return "SELECT token_id, date, model, max(0, sum(request_count)), sum(prompt_tokens), "
           "sum(completion_tokens), "
           "sum(estimated_requests), sum(estimated_prompt_tokens), sum(estimated_completion_tokens) FROM (" +
           usage + " UNION ALL SELECT " + columns + " FROM recent_usage" + range +
           " AND token_id IN (SELECT id FROM tokens)) GROUP BY token_id, date, model";
  }

  static void bind(SQLite::Statement& statement, int place, const MovedTable& table, std::size_t column,
                   const std::optional<std::string>& value) {
    if (!value) return statement.bind(place);
    if (table.columns[column] == "token_hash") return sqlite::bind_blob(statement, place, bytes_of(*value));
    if (table.is_number(column)) return statement.bind(place, static_cast<std::int64_t>(std::stoll(*value)));
    statement.bind(place, *value);
  }

  static void run(SQLite::Statement& statement, const MovedTable& table, const TableRow& row,
                  std::size_t columns) {
    sqlite::Lent use(statement);
    for (std::size_t i = 0; i < columns; ++i) bind(*use, static_cast<int>(i) + 1, table, i, row[i]);
    use->exec();
  }

  fs::path file_;
  SQLite::Database database_;
  bool has_recent_usage_ = false;
};

/// With SQLiteCpp's exceptions as the project's, which name the file.
class GuardedPort : public TablePort {
 public:
  GuardedPort(const fs::path& file, PortUse use) : file_(file) {
    guarded([&] { port_ = std::make_unique<SqlitePort>(file, use); });
  }
  std::vector<TableRow> read(const MovedTable& table, const std::optional<TableRow>& after,
                             const std::optional<TableRow>& last, std::size_t most) override {
    std::vector<TableRow> rows;
    guarded([&] { rows = port_->read(table, after, last, most); });
    return rows;
  }
  void write(const MovedTable& table, const std::vector<TableRow>& removed,
             const std::vector<TableRow>& written) override {
    guarded([&] { port_->write(table, removed, written); });
  }
  void begin(const std::string& source) override {
    guarded([&] { port_->begin(source); });
  }
  void end() override {
    guarded([&] { port_->end(); });
  }

 private:
  void guarded(const std::function<void()>& work) const {
    try {
      work();
    } catch (const SQLite::Exception& problem) {
      sqlite::rethrow(problem, sqlite::Moment::opening, file_);
    }
  }
  fs::path file_;
  std::unique_ptr<TablePort> port_;
};

}  // namespace

std::unique_ptr<TablePort> open_sqlite_port(const fs::path& file, PortUse use) {
  if (use == PortUse::source && !fs::exists(file))
    throw Error(ErrorKind::usage, "there is no " + file.string());
  return std::make_unique<GuardedPort>(file, use);
}

}  // namespace opencat
