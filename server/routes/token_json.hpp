// SPDX-License-Identifier: MIT
// Tokens as JSON, in both directions: what the token routes and the admin routes share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "server/routes/services.hpp"

namespace opencat::routes {

constexpr std::size_t max_text_bytes = 200;

/// Throws the Error(usage) of a request that is not as it must be.
[[noreturn]] void refuse(const std::string& what);

/// Enough for all members of most bodies at their longest.
constexpr std::size_t max_body_bytes = 16 << 10;

/// The body as an object. Throws Error(usage or too_large): deeper or longer ones than these routes need
/// could hurt a parser that recurses.
nlohmann::json parse_object(const std::string& bytes, std::size_t max_bytes = max_body_bytes);
/// Refuses a member that is not one of `known`, naming it; `what` is what it is a member of.
void refuse_unknown(const nlohmann::json& object, const std::vector<const char*>& known,
                    const std::string& what);
/// A text that must be there and not be empty.
std::string text_member(const nlohmann::json& object, const char* name);
/// A list of 1 to `max_count` texts, or nothing when it is absent.
std::optional<std::vector<std::string>> optional_texts(const nlohmann::json& object, const char* name,
                                                       std::size_t max_count);
/// Text, or nothing when it is absent; null is absent.
std::optional<std::string> optional_text(const nlohmann::json& object, const char* name);
/// A whole number from `low` to `high`, or nothing when it is absent.
std::optional<std::int64_t> optional_number(const nlohmann::json& object, const char* name, std::int64_t low,
                                            std::int64_t high);
/// The limits in `object`'s member "quota"; others in there are refused.
struct QuotaChange {
  std::optional<std::int64_t> daily_limit, monthly_limit;
};
QuotaChange quota_member(const nlohmann::json& object);

/// "active", "disabled", "quota_exceeded" or "deleted"
const char* status_word(TokenState::Status status);
/// {"daily_limit","daily_used","daily_remaining","monthly_limit",…}
nlohmann::json quota_json(const TokenState& state);
/// What the token's holder is told.
nlohmann::json status_json(const TokenState& state);
/// What the operator is told.
nlohmann::json admin_json(const TokenState& state);

}  // namespace opencat::routes
