// SPDX-License-Identifier: MIT
// What an operator asks of the store, beside what serving needs.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/domain/plan.hpp"
#include "server/store/store.hpp"

namespace opencat {

/// What is to be different of a token; what is absent stays.
struct TokenChange {
  std::optional<TokenStatus> status;
  std::optional<std::int64_t> daily_limit;
  std::optional<std::int64_t> monthly_limit;
  std::optional<std::string> label;
  /// A plan's name, which must be there, or "" for none. With a plan a token lets go of its own limits but
  /// for those named here; without one, those that were not its own are the server's for new tokens.
  std::optional<std::string> plan = {};
};

struct PlanRemoval {
  bool found = false;
  std::int64_t tokens = 0;  ///< that name it, also deleted ones: it is still there when nobody said where to
};

enum class TokenSort { created_at, last_used_at, label, platform, id };
enum class SortOrder { ascending, descending };

/// A place in a list: a token's sort key, and its number in the order of issue.
struct TokenCursor {
  std::string key;
  std::int64_t seq = 0;
};

/// Which tokens, in which order. Empty and absent conditions hold for all that are not deleted.
struct TokenQuery {
  std::string text;  ///< in the id, label, prefix, platform or install_id, whatever the case of ASCII letters
  std::string hash;  ///< of this one only
  std::string plan = {};  ///< only those of this plan
  std::optional<TokenState::Status> status;
  TokenSort sort = TokenSort::created_at;
  SortOrder order = SortOrder::descending;
  std::int64_t offset = 0;
  std::int64_t limit = 50;
  std::optional<TokenCursor> after;  ///< only what comes behind it in this order
  bool counted = true;               ///< whether TokenPage::total is wanted, which costs as much as the page
};

struct TokenPage {
  std::vector<TokenState> tokens;
  std::int64_t total = 0;           ///< of all pages, if it was wanted
  std::optional<TokenCursor> next;  ///< the last one here, when there are more behind it
};

/// How many tokens there are.
struct TokenCounts {
  std::int64_t active = 0;
  std::int64_t disabled = 0;
  std::int64_t expired = 0;
  std::int64_t quota_exceeded = 0;
  std::int64_t deleted = 0;
  std::int64_t all() const { return active + disabled + expired + quota_exceeded; }  ///< but for the deleted
};

/// By plan: that which a token has now, a deleted one too, whatever it had when it was used.
enum class UsageGroup { day, token, model, plan };

struct UsageQuery {
  std::string from;  ///< "2026-11-01", with that day; a rolled-up month counts as its first day
  std::string to;    ///< likewise
  UsageGroup group = UsageGroup::day;
  std::int64_t limit = 1000;
  std::string token_id = {};  ///< of this one only
};

struct UsageSums {
  std::int64_t requests = 0;
  TokenUse tokens;
  std::int64_t estimated_requests = 0;  ///< of the requests above; the tokens likewise
  TokenUse estimated_tokens;
};

struct UsageRow {
  std::string key;  ///< the day ("2026-11-23", or "2026-11" where it is rolled up), token's id, model or plan
                    ///< ("": none)
  std::string prefix;  ///< of a token: its first 8 characters and its label
  std::string label;
  UsageSums sums;
};

struct UsageSummary {
  std::vector<UsageRow> rows;  ///< days by date; all others by requests, the most first
  UsageSums total;             ///< of all rows, also those beyond the limit
};

/// As for Store: any thread; these wait for the disk.
class AdminStore : public Store {
 public:
  /// All of them or, when it throws, none.
  virtual void issue_all(const std::vector<TokenRecord>& tokens) = 0;
  /// By its id or hash; not a deleted one, here and below.
  virtual std::optional<TokenState> find(const std::string& id_or_hash, const QuotaPeriod& period) = 0;
  /// The token as it is then; nothing when there is none.
  virtual std::optional<TokenState> change(const std::string& id_or_hash, const TokenChange& change,
                                           const QuotaPeriod& period) = 0;
  /// Each is changed, or none; those that there are not are given back.
  virtual std::vector<std::string> change_all(const std::vector<std::string>& names,
                                              const TokenChange& change, const QuotaPeriod& period) = 0;
  /// Likewise: from the next request on they are unknown. They can be restored until they are purged.
  virtual std::vector<std::string> remove_all(const std::vector<std::string>& names, Time now) = 0;
  /// Likewise, of those that are deleted.
  virtual std::vector<std::string> restore_all(const std::vector<std::string>& names) = 0;
  /// In the order of their names.
  virtual std::vector<PlanUse> plans() = 0;
  /// False: there is one of that name.
  virtual bool add_plan(const Plan& plan, const QuotaPeriod& period) = 0;
  using EditPlan = std::function<void(Plan& plan)>;
  /// Changes the plan with no other change in between, and so what holds for all its tokens from their next
  /// request on; nothing when there is none. What `edit` throws changes nothing; it may be called more than
  /// once.
  virtual std::optional<Plan> edit_plan(const std::string& name, const EditPlan& edit,
                                        const QuotaPeriod& period) = 0;
  /// Its tokens get the plan `move_to`, which must be there. Without it a plan that has tokens stays.
  virtual PlanRemoval remove_plan(const std::string& name, const std::optional<std::string>& move_to,
                                  const QuotaPeriod& period) = 0;
  /// The plans of the configuration file: they are there as it has them, and those that left it can be
  /// changed from now on. All of it or, when it throws, nothing.
  virtual void keep_file_plans(const std::vector<Plan>& plans, const QuotaPeriod& period) = 0;
  virtual TokenPage list(const TokenQuery& query, const QuotaPeriod& period) = 0;
  virtual TokenCounts counts(const QuotaPeriod& period) = 0;
  virtual UsageSummary usage(const UsageQuery& query) = 0;
  /// Whether other servers may have it, too.
  virtual bool is_shared() const { return false; }
  /// A text that all servers of a shared store have alike: the one that is kept under that name, and
  /// `if_absent` is kept if there is none. Of a store that is not shared: `if_absent`.
  virtual std::string shared_text(const std::string& name, const std::string& if_absent);
  using ChangeText = std::function<std::string(const std::string& now)>;
  /// Puts another in its place, with no other server in between, and returns it; it must be there. It may be
  /// worked out more than once.
  virtual std::string change_shared_text(const std::string& name, const ChangeText& change);

  /// On the disk.
  virtual std::uintmax_t bytes() const = 0;

  /// Rolls some of the rows of months before `month` ("2026-11") up into one per token, month and model;
  /// whether there may be more. Bounded, so that admissions wait a few milliseconds at most.
  virtual bool roll_up(const std::string& month) = 0;
  /// Ends some of the tokens that were deleted before `then`, with their counts; whether there may be more.
  /// Bounded likewise.
  virtual bool purge(Time then) = 0;
  /// Brings what was counted of late to where reports and other programs look for it, if that is another
  /// place.
  virtual void fold_usage() {}
  /// Likewise, in a store that others share, of what was counted some time ago and some of it only: of tokens
  /// behind `after`, in the order of ids. The last one's id; empty: there are no more. Bounded
  /// likewise.
  virtual std::string fold_due(const std::string& after);
  /// Brings the WAL into the database and cuts it back if it has outgrown its bound; gives up at once when a
  /// reader is in the way.
  virtual void bound_wal() = 0;
};

}  // namespace opencat
