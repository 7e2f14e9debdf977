// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "opencat/error.hpp"
#include "server/store/open_store.hpp"

namespace opencat {

/// A row as texts, its key first; nothing is NULL. The token's hash is in hex.
using TableRow = std::vector<std::optional<std::string>>;

/// A table that moves from one store to another: its columns are the same in every store.
struct MovedTable {
  std::string name;
  std::vector<std::string> columns;  ///< the key's first, in its order
  std::size_t key_columns = 0;
  bool is_number(std::size_t column) const;
};
/// In the order in which they are moved: rows refer to rows of tables before theirs.
const std::vector<MovedTable>& moved_tables();

/// The rows of a store as they are, for moving them. Not for two threads at once.
class TablePort {
 public:
  virtual ~TablePort() = default;

  /// At most `most` rows in the order of their keys: those behind `after`, and up to `last`, if they are
  /// given.
  virtual std::vector<TableRow> read(const MovedTable& table, const std::optional<TableRow>& after,
                                     const std::optional<TableRow>& last, std::size_t most) = 0;
  /// Removes the rows with the keys of the first, and writes the second: all of it or, when it throws, none.
  virtual void write(const MovedTable& table, const std::vector<TableRow>& removed,
                     const std::vector<TableRow>& written) = 0;
  /// The row as this store keeps it.
  virtual TableRow as_kept(TableRow row) const { return row; }

  /// Notes that rows of `source` come here from now on; throws Error(usage) when there are others, or rows of
  /// another source. Until end() no server takes this store.
  virtual void begin(const std::string& source) = 0;
  virtual void end() = 0;
};

enum class PortUse {
  source,  ///< is not changed
  target,  ///< is made when it is missing
};

/// Throws what open_store() does, and Error(usage) for a source that another version of opencat must bring up
/// to date first.
std::unique_ptr<TablePort> open_table_port(const StoreAddress& address, PortUse use);
std::unique_ptr<TablePort> open_sqlite_port(const std::filesystem::path& file, PortUse use);

/// What is said of a store whose move is not finished.
Error unfinished_move(const std::string& store);

}  // namespace opencat
