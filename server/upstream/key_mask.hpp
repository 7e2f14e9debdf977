// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace opencat {

/// `text` without the key: whole, or as upstreams quote it back ("sk-ab***wxyz"). In its place stands
/// "[key]".
std::string without_key(std::string text, std::string_view key);

}  // namespace opencat
