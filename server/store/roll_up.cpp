// SPDX-License-Identifier: MIT
#include "server/store/roll_up.hpp"

#include <array>
#include <vector>

namespace opencat {

using sqlite::Lent;

namespace {

constexpr std::size_t month_size = sizeof "2026-11" - 1;
/// The sums of a row, in the order in which days_ reads and add_ takes them.
constexpr std::size_t sums = 6;

struct DayRow {
  std::string token_id, date, model;
  std::array<std::int64_t, sums> values{};
};

}  // namespace

RollUp::RollUp(SQLite::Database& database)
    : database_(database),
      next_date_(database, "SELECT min(date) FROM usage WHERE date > ?1 AND date < ?2"),
      days_(database,
            "SELECT token_id, date, model, request_count, prompt_tokens, completion_tokens, "
            "estimated_requests, estimated_prompt_tokens, estimated_completion_tokens "
            "FROM usage WHERE date > ?1 AND date < ?1 || '-32' ORDER BY date LIMIT ?2"),
      add_(
          database,
          "INSERT INTO usage (token_id, date, model, request_count, prompt_tokens, completion_tokens, "
          "estimated_requests, estimated_prompt_tokens, estimated_completion_tokens) "
          "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO UPDATE SET "
          "request_count = request_count + excluded.request_count, "
          "prompt_tokens = prompt_tokens + excluded.prompt_tokens, "
          "completion_tokens = completion_tokens + excluded.completion_tokens, "
          "estimated_requests = estimated_requests + excluded.estimated_requests, "
          "estimated_prompt_tokens = estimated_prompt_tokens + excluded.estimated_prompt_tokens, "
          "estimated_completion_tokens = estimated_completion_tokens + excluded.estimated_completion_tokens"),
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
    while (days->executeStep()) {
      DayRow row{days->getColumn(0).getString(), days->getColumn(1).getString(),
                 days->getColumn(2).getString()};
      for (std::size_t i = 0; i < sums; ++i)
        row.values[i] = days->getColumn(static_cast<int>(i) + 3).getInt64();
      rows.push_back(std::move(row));
    }
  }
  sqlite::in_savepoint(database_, [&] {
    for (const DayRow& row : rows) {
      Lent add(add_);
      add->bind(1, row.token_id);
      add->bind(2, oldest);
      add->bind(3, row.model);
      for (std::size_t i = 0; i < sums; ++i) add->bind(static_cast<int>(i) + 4, row.values[i]);
      add->exec();
      Lent remove(remove_);
      remove->bind(1, row.token_id);
      remove->bind(2, row.date);
      remove->bind(3, row.model);
      remove->exec();
    }
  });
  return !rows.empty();
}

}  // namespace opencat
