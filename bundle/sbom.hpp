// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "bundle/runtime_cache.hpp"
#include "bundle/shared_bundle.hpp"

namespace opencat {

/// What the bundles of a plan are made of, as CycloneDX 1.5 in JSON
/// (https://cyclonedx.org/docs/1.5/json/): the app, what its lock file names (with purl, the registry's
/// SHA-512 and who depends on whom), Node for each platform with the SHA-256 of its program, npm and what npm
/// brings. With bundled dependencies a platform's zip has those of them that are for it. The same plan gives
/// the same bytes; its serial number is made of them, and it names a time only where the plan does.
std::string sbom(const BundlePlan& plan, const RuntimeCache& cache, const std::vector<Runtime>& runtimes);

}  // namespace opencat
