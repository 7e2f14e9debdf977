// SPDX-License-Identifier: MIT
#pragma once

namespace opencat {

/// This program's version, e.g. "0.1.0".
const char* version();

/// The version of the wire contract it speaks (docs/protocol.md).
inline constexpr const char* protocol_version = "1.0.0";

}  // namespace opencat
