// SPDX-License-Identifier: MIT
#include "opencat/version.hpp"

namespace opencat {

const char* version() { return OPENCAT_VERSION; }

}  // namespace opencat
