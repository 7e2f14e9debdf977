// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "opencat/clock.hpp"
#include "server/http/observer.hpp"

namespace opencat::http {

/// A request as one line of JSON: time (of its end), id, method, route, status, duration_ms, bytes, ip, and
/// where they are known token_id and model; "cut": true when the client left. It holds nothing that a client
/// wrote but its request id: no path, no query, no header, no token.
std::string access_log_line(const Answered& answered, std::string_view route_name, Time now);

}  // namespace opencat::http
