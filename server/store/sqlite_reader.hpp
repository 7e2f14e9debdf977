// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>

#include "server/store/recent_usage.hpp"
#include "server/store/reports.hpp"
#include "server/store/sqlite.hpp"
#include "server/store/token_reader.hpp"

namespace opencat {

/// What any thread reads of a server's database while another writes it: over one connection what serving
/// asks, over another, made when it is first needed, what takes an operator's time.
class SqliteReader {
 public:
  SqliteReader(std::filesystem::path file, const StoreOptions& options, const RecentUsage& recent)
      : file_(std::move(file)),
        limits_(options.default_limits),
        per_minute_(options.requests_per_minute),
        recent_(recent),
        database_(sqlite::connect(file_, sqlite::Role::reader)),
        tokens_(database_, limits_, per_minute_, &recent) {}

  /// The token that `find` gives of a TokenReader, with all its use.
  template <class Find>
  std::optional<TokenState> state(const Find& find, const QuotaPeriod& period) {
    std::optional<TokenState> state;
    sqlite::serving(file_, [&] {
      const std::lock_guard lock(mutex_);
      const auto no_fold = recent_.hold();
      auto token = find(tokens_);
      if (token) state = tokens_.state(std::move(*token), period);
    });
    return state;
  }

  /// What `ask` gives of Reports, which know what is in `usage` alone.
  template <class Ask>
  std::invoke_result_t<Ask, Reports&> report(const Ask& ask) {
    std::invoke_result_t<Ask, Reports&> answer;
    sqlite::serving(file_, [&] {
      const std::lock_guard lock(reports_mutex_);
      if (!reports_)
        reports_ =
            std::make_unique<Reports>(sqlite::connect(file_, sqlite::Role::reader), limits_, per_minute_);
      answer = ask(*reports_);
    });
    return answer;
  }

 private:
  std::filesystem::path file_;
  Limits limits_;
  std::size_t per_minute_;
  const RecentUsage& recent_;
  SQLite::Database database_;
  TokenReader tokens_;
  std::mutex mutex_;
  std::unique_ptr<Reports> reports_;
  std::mutex reports_mutex_;
};

}  // namespace opencat
