// SPDX-License-Identifier: MIT
// A PostgreSQL of the tests' own: started by the first that asks, on a socket in a folder of its own, as a
// user who is nobody; it ends with the test program, however that ends.
#pragma once

#include <string>
#include <vector>

namespace opencat::store_test {

/// The address of a new, empty schema in it; "" where PostgreSQL is not installed, which is said once.
std::string new_postgres_schema();

/// The first column of what the statement gives, by an operator's own tool.
std::vector<std::string> psql(const std::string& url, const std::string& statement);

}  // namespace opencat::store_test
