// SPDX-License-Identifier: MIT
// An operator's lists and sums; see AdminStore. Each inside a transaction that sees one state of the
// database.
#pragma once

#include "server/store/admin_store.hpp"
#include "server/store/postgres/session.hpp"

namespace opencat::postgres {

TokenPage list_tokens(Session& session, const TokenQuery& query, const QuotaPeriod& period);
TokenCounts count_tokens(Session& session, const QuotaPeriod& period);
UsageSummary sum_usage(Session& session, const UsageQuery& query);

}  // namespace opencat::postgres
