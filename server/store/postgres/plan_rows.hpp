// SPDX-License-Identifier: MIT
// The plans, each inside a transaction that its caller has begun; see AdminStore.
#pragma once

#include "server/store/admin_store.hpp"
#include "server/store/postgres/session.hpp"

namespace opencat::postgres {

std::vector<PlanUse> list_plans(Session& session);
std::optional<PlanUse> find_plan(Session& session, const std::string& name);
bool insert_plan(Session& session, const Plan& plan, const QuotaPeriod& period, const Limits& default_limits);
std::optional<Plan> edit_plan(Session& session, const std::string& name, const AdminStore::EditPlan& edit,
                              const QuotaPeriod& period, const Limits& default_limits);
PlanRemoval remove_plan(Session& session, const std::string& name, const std::optional<std::string>& move_to,
                        const QuotaPeriod& period);
void keep_file_plans(Session& session, const std::vector<Plan>& plans, const QuotaPeriod& period,
                     const Limits& default_limits);

}  // namespace opencat::postgres
