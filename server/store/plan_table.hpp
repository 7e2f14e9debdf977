// SPDX-License-Identifier: MIT
#pragma once

#include "server/store/admin_store.hpp"
#include "server/store/sqlite.hpp"

namespace opencat {

/// The plans, over one connection; see AdminStore. For whoever has that connection: the writer's thread for
/// what changes them.
class PlanTable {
 public:
  PlanTable(SQLite::Database& database, const Limits& default_limits)
      : database_(database), limits_(default_limits) {}

  std::vector<PlanUse> list();
  std::optional<PlanUse> find(const std::string& name);
  bool add(const Plan& plan, const QuotaPeriod& period);
  std::optional<Plan> edit(const std::string& name, const AdminStore::EditPlan& edit,
                           const QuotaPeriod& period);
  PlanRemoval remove(const std::string& name, const std::optional<std::string>& move_to,
                     const QuotaPeriod& period);
  void keep_file_plans(const std::vector<Plan>& plans, const QuotaPeriod& period);

 private:
  void put(const Plan& plan, const QuotaPeriod& period);

  SQLite::Database& database_;
  Limits limits_;
};

}  // namespace opencat
