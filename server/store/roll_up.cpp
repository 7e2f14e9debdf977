// SPDX-License-Identifier: MIT
#include "server/store/roll_up.hpp"

#include <vector>

#include "server/store/usage_rows.hpp"

namespace opencat {

using sqlite::Lent;

namespace {

constexpr std::size_t month_size = sizeof "2026-11" - 1;

struct DayRow {
  Reservation key;
  UsageCounts counts{};
};

}  // namespace

RollUp::RollUp(SQLite::Database& database)
    : database_(database),
      next_date_(database, "SELECT min(date) FROM usage WHERE date > ?1 AND date < ?2"),
      days_(database, std::string("SELECT ") + usage_columns +
                          " FROM usage WHERE date > ?1 AND date < ?1 || '-32' ORDER BY date LIMIT ?2"),
      add_(database, add_to_usage),
      remove_(database, "DELETE FROM usage WHERE token_id = ?1 AND date = ?2 AND model = ?3") {}

std::string RollUp::oldest_month(const std::string& month) {
  std::string seen;
  while (true) {
    Lent next(next_date_);
    next->bind(1, seen);
    next->bind(2, month);
    if (!next->executeStep() || next->getColumn(0).isNull()) return {};
    const std::string date = next->getColumn(0).getString();
    if (date.size() > month_size) return date.substr(0, month_size);
    seen = date;  // rolled up already; its days, if there are any, come right behind it
  }
}

bool RollUp::step(const std::string& month, int max_rows) {
  const std::string oldest = oldest_month(month);
  if (oldest.empty()) return false;
  std::vector<DayRow> rows;
  {
    Lent days(days_);
    days->bind(1, oldest);
    days->bind(2, max_rows);
    while (days->executeStep()) rows.push_back({usage_key_at(*days), usage_counts_at(*days)});
  }
  sqlite::in_savepoint(database_, [&] {
    for (const auto& [key, counts] : rows) {
      Lent add(add_);
      bind_usage(*add, {key.token_id, oldest, key.model}, counts);
      add->exec();
      Lent remove(remove_);
      bind_usage_key(*remove, key);
      remove->exec();
    }
  });
  return !rows.empty();
}

}  // namespace opencat
