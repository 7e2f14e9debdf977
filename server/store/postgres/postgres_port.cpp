// SPDX-License-Identifier: MIT
#include "server/store/postgres/postgres_port.hpp"

#include "opencat/text.hpp"
#include "server/store/postgres/schema.hpp"
#include "server/store/postgres/session.hpp"

namespace opencat {

using namespace postgres;

namespace {

std::string type_of(const MovedTable& table, std::size_t column) {
  return table.is_number(column) ? "bigint" : table.columns[column] == "token_hash" ? "bytea" : "text";
}

std::string key_names(const MovedTable& table) {
  const std::vector<std::string> key(table.columns.begin(),
                                     table.columns.begin() + static_cast<std::ptrdiff_t>(table.key_columns));
  return join(key, ", ");
}

/// "$1::text[], $2::bigint[]", of the first columns.
std::string array_parameters(const MovedTable& table, std::size_t columns) {
  std::string text;
  for (std::size_t i = 0; i < columns; ++i)
    text += (i == 0 ? "$" : ", $") + std::to_string(i + 1) + "::" + type_of(table, i) + "[]";
  return text;
}

/// "SELECT … LIMIT 9" of the rows that fulfil the conditions, in the order of their keys.
std::string selection(const MovedTable& table, const std::string& columns, const std::string& conditions,
                      const std::string& end) {
  if (table.name != "usage") return "SELECT " + columns + " FROM " + table.name + conditions + end;
  // Counts that are not folded yet belong to the others. The first rows of both are among the first of each,
  // which an index finds.
  const auto part = [&](const std::string& name, const std::string& more) {
    return "(SELECT " + columns + " FROM " + name + conditions + more + end + ")";
  };
  std::string sums = key_names(table);
  for (std::size_t i = table.key_columns; i < table.columns.size(); ++i)
    sums += ", sum(" + table.columns[i] + ")";
  return "SELECT " + sums + " FROM (" + part("usage", "") + " UNION ALL " +
         part("recent_usage", " AND EXISTS (SELECT 1 FROM tokens WHERE id = token_id)") +
         ") AS parts GROUP BY " + key_names(table) + end;
}

class PostgresPort : public TablePort {
 public:
  PostgresPort(const std::string& url, PortUse use) : shown_(without_password(url)) {
    guarded([&] {
      session_ = std::make_unique<Session>(
          url, Session::Patience{std::chrono::minutes{10}, std::chrono::minutes{1}});
      if (use == PortUse::source) {
        // One state of it, whatever others do.
        session_->run("SET idle_in_transaction_session_timeout = 0");
        session_->run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        check_version(*session_, shown_);
      } else {
        migrate(*session_, shown_);
      }
    });
  }

  std::vector<TableRow> read(const MovedTable& table, const std::optional<TableRow>& after,
                             const std::optional<TableRow>& last, std::size_t most) override {
    std::vector<Parameter> parameters;
    const auto key = [&](const TableRow& row) {
      std::string places;
      for (std::size_t i = 0; i < table.key_columns; ++i) {
        parameters.push_back(row[i]);
        places += (i == 0 ? "$" : ", $") + std::to_string(parameters.size()) + "::" + type_of(table, i);
      }
      return places;
    };
    std::vector<std::string> columns;
    for (const std::string& name : table.columns)
      columns.push_back(name == "token_hash" ? "encode(token_hash, 'hex')" : name);
    std::string conditions = " WHERE true";
    if (after) conditions += " AND (" + key_names(table) + ") > (" + key(*after) + ")";
    if (last) conditions += " AND (" + key_names(table) + ") <= (" + key(*last) + ")";
    const std::string end = " ORDER BY " + key_names(table) + " LIMIT " + std::to_string(most);
    const std::string statement = selection(table, join(columns, ", "), conditions, end);
    std::vector<TableRow> rows;
    guarded([&] {
      for (const Row& found : session_->ask(statement, parameters)) {
        TableRow row;
        for (int i = 0; i < static_cast<int>(table.columns.size()); ++i)
          row.push_back(found[i].is_null() ? std::nullopt : std::optional(text(found, i)));
        rows.push_back(std::move(row));
      }
    });
    return rows;
  }

  void write(const MovedTable& table, const std::vector<TableRow>& removed,
             const std::vector<TableRow>& written) override {
    guarded([&] {
      session_->transact([&] {
        if (!removed.empty()) {
          session_->ask("DELETE FROM " + table.name + " WHERE (" + key_names(table) +
                            ") IN (SELECT * FROM unnest(" + array_parameters(table, table.key_columns) + "))",
                        arrays(table, removed, table.key_columns));
        }
        if (!written.empty()) {
          session_->ask("INSERT INTO " + table.name + " (" + join(table.columns, ", ") +
                            ") SELECT * FROM unnest(" + array_parameters(table, table.columns.size()) + ")",
                        arrays(table, written, table.columns.size()));
        }
      });
    });
  }

  TableRow as_kept(TableRow row) const override {
    for (auto& value : row) {
      if (value) *value = clean(*value);
    }
    return row;
  }

  void begin(const std::string& source) override {
    guarded([&] {
      session_->transact([&] {
        session_->run("CREATE TABLE IF NOT EXISTS moving (source TEXT PRIMARY KEY)");
        const Rows rows = session_->run("SELECT source FROM moving");
        if (!rows.empty()) {
          if (text(rows[0], 0) != source) throw unfinished_move("the database " + shown_);
          return;
        }
        if (!session_->run("SELECT 1 FROM tokens LIMIT 1").empty()) {
          throw Error(ErrorKind::usage, "the database " + shown_ + " has tokens already; name an empty one");
        }
        session_->ask("INSERT INTO moving VALUES ($1)", {source});
      });
    });
  }

  void end() override {
    guarded([&] {
      session_->transact([&] {
        // Tokens that are issued next come behind those that were moved.
        session_->run(
            "SELECT setval(pg_get_serial_sequence('tokens', 'seq'), "
            "(SELECT greatest(1, max(seq)) FROM tokens))");
        session_->run("DROP TABLE moving");
      });
      // So that the first requests are planned for what is there now.
      session_->run("ANALYZE");
    });
  }

 private:
  static std::vector<Parameter> arrays(const MovedTable& table, const std::vector<TableRow>& rows,
                                       std::size_t columns) {
    std::vector<Parameter> parameters;
    for (std::size_t i = 0; i < columns; ++i) {
      Array array;
      for (const TableRow& row : rows) {
        if (!row[i]) {
          array.add_null();
        } else {
          array.add(table.columns[i] == "token_hash" ? "\\x" + *row[i] : *row[i]);
        }
      }
      parameters.emplace_back(array.text());
    }
    return parameters;
  }

  /// An operator reads these, so they name the database and say what it said.
  void guarded(const std::function<void()>& work) const {
    try {
      work();
    } catch (const Failure& failure) {
      throw Error(failure.kind(), "cannot use the database " + shown_ + ": " + first_line(failure.detail()));
    }
  }

  std::string shown_;
  std::unique_ptr<Session> session_;
};

}  // namespace

std::unique_ptr<TablePort> open_postgres_port(const std::string& url, PortUse use) {
  return std::make_unique<PostgresPort>(url, use);
}

}  // namespace opencat
