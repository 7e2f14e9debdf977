// SPDX-License-Identifier: MIT
// An operator's lists and sums; see AdminStore. Each inside a transaction that sees one state of the
// database.
#pragma once

#include "server/store/admin_store.hpp"
#include "server/store/postgres/session.hpp"
#include "server/store/postgres/token_rows.hpp"

namespace opencat::postgres {

TokenPage list_tokens(Session& session, const TokenQuery& query, const QuotaPeriod& period,
                      const Defaults& defaults);
TokenCounts count_tokens(Session& session, const QuotaPeriod& period, const Limits& default_limits);
UsageSummary sum_usage(Session& session, const UsageQuery& query);

}  // namespace opencat::postgres
