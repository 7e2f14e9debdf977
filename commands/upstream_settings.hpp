// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "opencat/environment.hpp"
#include "server/server.hpp"

namespace opencat {

/// The `[[upstreams]]` of the configuration file. A key stands in the table, in an environment variable or in
/// a file of its own, relative to `folder`. Throws Error(usage) that names the table and the member.
std::vector<UpstreamConfig> read_upstreams(const nlohmann::json& list, const TransferLimits& limits,
                                           const Environment& environment,
                                           const std::filesystem::path& folder);

}  // namespace opencat
