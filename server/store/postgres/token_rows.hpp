// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "server/domain/window_log.hpp"
#include "server/store/postgres/session.hpp"
#include "server/store/store.hpp"

namespace opencat::postgres {

/// What holds for a token for which neither it nor its plan say anything.
struct Defaults {
  Limits limits;
  std::size_t per_minute = 20;
};

/// Columns of `tokens` in the order that record() reads, and how many they are.
constexpr int token_columns = 20;
std::string token_column_names(const Defaults& defaults);
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
                                     const QuotaPeriod& period, const Defaults& defaults);

}  // namespace opencat::postgres
