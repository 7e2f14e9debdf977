// SPDX-License-Identifier: MIT
#include "server/move_data.hpp"

#include <map>
#include <memory>
#include <optional>

#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/text.hpp"
#include "server/server_data.hpp"
#include "server/store/table_port.hpp"

namespace opencat {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t rows_at_once = 2000;
constexpr std::int64_t told_each = 100'000;

StoreAddress parse_address(const std::string& text, const std::string& flag) {
  if (text.rfind("file:", 0) == 0)
    return parse_address(std::string(trim(read_file(text.substr(5), 4096))), flag);
  if (text.rfind("postgresql://", 0) == 0 || text.rfind("postgres://", 0) == 0) return {text, {}};
  if (text.rfind("sqlite:", 0) == 0 && text.size() > 7) {
    const fs::path path = text.substr(7);
    return {"", fs::is_directory(path) ? server_data::database(path) : path};
  }
  throw Error(ErrorKind::usage,
              flag +
                  " wants sqlite:FILE, sqlite:DATA_FOLDER, postgresql://… or file:FILE with such "
                  "an address in it");
}

/// Keeps servers off a file's folder while it is moved; nothing for a folder that no server ever had.
std::unique_ptr<FileLock> lock_of(const StoreAddress& address) {
  if (address.is_shared()) return nullptr;
  const fs::path folder = fs::absolute(address.file).parent_path();
  if (!fs::exists(folder / "lock")) return nullptr;
  return server_data::lock(folder);
}

TableRow key_of(const MovedTable& table, const TableRow& row) {
  return {row.begin(), row.begin() + static_cast<std::ptrdiff_t>(table.key_columns)};
}

enum class Pass { write, compare };

class Move {
 public:
  Move(TablePort& from, TablePort& to, const std::function<void(const std::string&)>& tell,
       std::stop_token stop)
      : from_(from), to_(to), tell_(tell), stop_(std::move(stop)) {}

  struct Outcome {
    std::int64_t rows = 0;
    std::int64_t different = 0;
  };
  Outcome pass(const MovedTable& table, Pass what) {
    Outcome outcome;
    std::optional<TableRow> after;
    while (true) {
      if (stop_.stop_requested()) {
        throw Error(ErrorKind::interrupted, "interrupted; the same command goes on where this one was");
      }
      const std::vector<TableRow> rows = from_.read(table, after, {}, rows_at_once);
      const bool is_last = rows.size() < rows_at_once;
      std::optional<TableRow> last;
      if (!is_last) last = key_of(table, rows.back());
      outcome.different += settle(table, what, rows, to_.read(table, after, last, 2 * rows_at_once));
      const std::int64_t before = outcome.rows / told_each;
      outcome.rows += static_cast<std::int64_t>(rows.size());
      if (outcome.rows / told_each > before)
        tell_(table.name + ": " + std::to_string(outcome.rows) +
              (what == Pass::write ? " rows there" : " rows compared"));
      if (is_last) return outcome;
      after = last;
    }
  }

 private:
  /// How many rows differ between the two, which are of the same stretch of keys.
  std::int64_t settle(const MovedTable& table, Pass what, const std::vector<TableRow>& wanted,
                      const std::vector<TableRow>& found) {
    std::map<TableRow, const TableRow*> there;
    for (const TableRow& row : found) there.emplace(key_of(table, row), &row);
    std::vector<TableRow> removed;
    std::vector<TableRow> written;
    for (const TableRow& row : wanted) {
      TableRow kept = to_.as_kept(row);
      const auto same = there.find(key_of(table, kept));
      if (same == there.end()) {
        written.push_back(std::move(kept));
        continue;
      }
      if (*same->second != kept) {
        removed.push_back(key_of(table, kept));
        written.push_back(std::move(kept));
      }
      there.erase(same);
    }
    const auto different = static_cast<std::int64_t>(written.size() + there.size());
    for (const auto& [key, row] : there) removed.push_back(key);
    if (what == Pass::write && different > 0) to_.write(table, removed, written);
    return different;
  }

  TablePort& from_;
  TablePort& to_;
  const std::function<void(const std::string&)>& tell_;
  std::stop_token stop_;
};

}  // namespace

MovedRows move_data(const std::string& from, const std::string& to,
                    const std::function<void(const std::string&)>& tell, std::stop_token stop) {
  const StoreAddress source = parse_address(from, "--from");
  const StoreAddress target = parse_address(to, "--to");
  if (source.url == target.url && source.file == target.file)
    throw Error(ErrorKind::usage, "--from and --to are the same");
  const auto source_lock = lock_of(source);
  const auto target_lock = lock_of(target);
  const auto from_port = open_table_port(source, PortUse::source);
  const auto to_port = open_table_port(target, PortUse::target);
  to_port->begin(source.is_shared() ? "postgresql" : "sqlite:" + fs::weakly_canonical(source.file).string());

  Move move(*from_port, *to_port, tell, std::move(stop));
  MovedRows moved;
  for (const MovedTable& table : moved_tables()) {
    const auto outcome = move.pass(table, Pass::write);
    (table.name == "plans"    ? moved.plans
     : table.name == "tokens" ? moved.tokens
                              : moved.usage) = outcome.rows;
    moved.written += outcome.different;
    tell(table.name + ": all " + std::to_string(outcome.rows) + " rows are there; " +
         std::to_string(outcome.different) + " of them were written now");
  }
  std::int64_t different = 0;
  for (const MovedTable& table : moved_tables()) different += move.pass(table, Pass::compare).different;
  if (different > 0) {
    throw Error(ErrorKind::integrity,
                std::to_string(different) +
                    " rows differ in the end: another program writes to one of the two; stop "
                    "the servers, and run the same command again");
  }
  to_port->end();
  return moved;
}

}  // namespace opencat
