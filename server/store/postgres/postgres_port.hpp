// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include "server/store/table_port.hpp"

namespace opencat {

/// See open_table_port().
std::unique_ptr<TablePort> open_postgres_port(const std::string& url, PortUse use);

}  // namespace opencat
