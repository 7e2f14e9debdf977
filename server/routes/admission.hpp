// SPDX-License-Identifier: MIT
// What the store said of a request, told to its client.
#pragma once

#include "server/domain/quota.hpp"
#include "server/http/message.hpp"
#include "server/store/store.hpp"

namespace opencat::routes {

/// Throws what a request that was not admitted is answered with.
void throw_unless_admitted(const Admission& admission, const QuotaPeriod& period);

/// What is left of the limit that binds first, in OpenAI's headers.
void add_quota_headers(http::Headers& headers, const Admission& admission, const QuotaPeriod& period);

}  // namespace opencat::routes
