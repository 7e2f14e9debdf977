// SPDX-License-Identifier: MIT
// The admin API's answers as text for people.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace opencat {

/// The list of GET /api/admin/tokens.
std::string token_list_text(const nlohmann::json& answer);
/// One token of it, a line per fact.
std::string token_text(const nlohmann::json& token);
/// What POST /api/admin/tokens issued, one or many.
std::string issued_text(const nlohmann::json& answer);
/// GET /api/admin/usage.
std::string usage_text(const nlohmann::json& answer);

}  // namespace opencat
