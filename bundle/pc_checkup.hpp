// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>

#include "opencat/environment.hpp"
#include "opencat/finding.hpp"
#include "opencat/http_client.hpp"

namespace opencat {

/// `opencat doctor` on a user's PC: what `opencat install` or a bundle's script left in `prefix`, and the
/// server that it speaks with. Nothing is changed.
void check_pc(const std::filesystem::path& prefix, const Environment& environment, HttpClient& client,
              const std::function<void(Finding)>& tell, const std::stop_token& stop);

/// Whether something was installed there.
bool is_installed_in(const std::filesystem::path& prefix);

}  // namespace opencat
