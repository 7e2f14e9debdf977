// SPDX-License-Identifier: MIT
// What a token is. Pure: no I/O, no clock.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace opencat {

/// Requests that a token may make; 0 allows none.
struct Limits {
  std::int64_t daily = 100;
  std::int64_t monthly = 3000;
};

enum class TokenStatus { active, disabled };

/// A token as the store knows it. The token itself is nowhere: only its hash and its first 8 characters.
struct TokenRecord {
  std::string id;      ///< public, "tok_" + 16 hex digits
  std::string hash;    ///< SHA-256, 32 bytes
  std::string prefix;  ///< the token's first 8 characters
  TokenStatus status = TokenStatus::active;
  std::string platform;
  std::string install_id;
  std::string version;
  std::string label;
  Limits limits;                    ///< those that hold for it
  bool own_daily_limit = true;      ///< whether they are its own; else they are its plan's, or the server's
  bool own_monthly_limit = true;    ///< likewise
  std::string plan;                 ///< its name; empty: none
  std::vector<std::string> models;  ///< its plan's: those that it may ask; none: all
  std::string expires_at;           ///< its plan's; empty: never
  std::int64_t per_minute = 0;      ///< its plan's, or the server's; 0 in one that is not stored yet
  std::string meta = "{}";          ///< a JSON object
  std::string created_at;           ///< ISO 8601 UTC
  std::string last_used_at;         ///< empty: never
  std::string deleted_at;           ///< empty: it is not
};

/// "occ_" and 32 lower-case hex digits.
bool is_token(std::string_view text);

/// The platforms a token may be issued for (docs/protocol.md).
const std::vector<std::string>& token_platforms();

bool is_uuid(std::string_view text);

}  // namespace opencat
