// SPDX-License-Identifier: MIT
// Plans as JSON, in both directions.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "server/routes/services.hpp"
#include "server/store/admin_store.hpp"

namespace opencat::routes {

/// A plan with all its models at their longest.
constexpr std::size_t max_plan_bytes = 64 << 10;

nlohmann::json plan_json(const PlanUse& use);

/// Makes of the plan what the body names; null leaves it to the server. Members beside a plan's own must be
/// among `more`. Throws Error(usage).
void edit_plan(Plan& plan, const nlohmann::json& body, std::initializer_list<const char*> more);

/// The plan's name that a token's body asks for, "" for none (which null is, too), or nothing when it does
/// not say.
std::optional<std::string> plan_member(const nlohmann::json& body);

/// The plan. Throws Error(usage) unless there is one; `what` names the member that asks for it.
Plan demand_plan(const Services& services, const std::string& name, const std::string& what);

}  // namespace opencat::routes
