// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "server/domain/window_log.hpp"
#include "server/store/postgres/session.hpp"
#include "server/store/store.hpp"

namespace opencat::postgres {

/// Columns of `tokens` in the order that record() reads, and how many they are.
constexpr int token_columns = 14;
constexpr const char* token_column_names =
    "id, encode(token_hash, 'hex'), token_prefix, status, platform, install_id, version, label, daily_limit, "
    "monthly_limit, meta, created_at, coalesce(last_used_at, ''), coalesce(deleted_at, '')";
TokenRecord record(const Row& row);

inline TokenStatus status_of(const std::string& text) {
  return text == "active" ? TokenStatus::active : TokenStatus::disabled;
}
inline const char* status_name(TokenStatus status) {
  return status == TokenStatus::active ? "active" : "disabled";
}

/// Throws Failure for a text that is no window.
WindowLog parsed_window(const std::string& text);

/// The tokens' use in the period, beside each record.
void add_use(Session& session, std::vector<TokenState>& states, const QuotaPeriod& period);
/// By its id or hash; not a deleted one.
std::optional<TokenState> find_token(Session& session, const std::string& id_or_hash,
                                     const QuotaPeriod& period);

}  // namespace opencat::postgres
