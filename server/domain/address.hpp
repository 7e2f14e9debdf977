// SPDX-License-Identifier: MIT
// Whom an IP address stands for when something is counted per address. Pure.
#pragma once

#include <string>
#include <string_view>

namespace opencat {

/// The key under which a client's address is counted: an IPv4 address itself, also when it comes mapped into
/// IPv6 (::ffff:192.0.2.1); of any other IPv6 address its /64, for that is what one customer is given and may
/// choose from at will (RFC 6177). A text that is no address is its own key.
std::string address_key(std::string_view ip);

}  // namespace opencat
