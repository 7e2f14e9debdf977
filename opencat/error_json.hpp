// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "opencat/error.hpp"

namespace opencat {

/// {"error":{"code","message","type","param":null}}: the error as the protocol tells it, without its detail.
std::string error_json(const Error& error);

}  // namespace opencat
