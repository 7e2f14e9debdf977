// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "server/server.hpp"

namespace opencat {

/// The `[[plans]]` of the configuration file. Throws Error(usage) that names the table and the member.
std::vector<Plan> read_plans(const nlohmann::json& list);

}  // namespace opencat
