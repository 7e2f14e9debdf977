// SPDX-License-Identifier: MIT
#include "server/store/postgres/postgres_store.hpp"

#include "opencat/random.hpp"
#include "server/store/commit_queue.hpp"
#include "server/store/postgres/counting_session.hpp"
#include "server/store/postgres/plan_rows.hpp"
#include "server/store/postgres/postgres_reports.hpp"
#include "server/store/postgres/recent_usage.hpp"
#include "server/store/postgres/schema.hpp"
#include "server/store/postgres/session_pool.hpp"
#include "server/store/postgres/token_rows.hpp"
#include "server/store/postgres/token_writes.hpp"
#include "server/store/table_port.hpp"

namespace opencat {

using namespace postgres;

namespace {

constexpr std::size_t max_waiting_commits = 20'000;
constexpr std::size_t most_sessions = 4;  ///< beside the one that counts
constexpr int rolled_up_at_once = 500;
constexpr int purged_at_once = 20;

class PostgresStore : public AdminStore {
 public:
  PostgresStore(const std::string& url, const std::string& node, const StoreOptions& options)
      : defaults_{options.default_limits, options.requests_per_minute},
        pool_(url, most_sessions, {std::chrono::seconds{30}, options.busy_timeout}),
        counting_(url, node, options),
        queue_({[this] { counting_.begin(); }, [this] { counting_.commit(); },
                [this] { counting_.roll_back(); }},
               max_waiting_commits) {
    counting_.take_back_with([this](const Reservation& row) { give_back(row); });
  }

  void issue(const TokenRecord& token) override { issue_all({token}); }

  void issue_all(const std::vector<TokenRecord>& tokens) override {
    pool_.write([&](Session& session) { insert_tokens(session, tokens); });
  }

  std::optional<TokenState> find_by_hash(const std::string& token_hash, const QuotaPeriod& period) override {
    return find(token_hash, period);
  }

  std::optional<TokenState> find(const std::string& id_or_hash, const QuotaPeriod& period) override {
    std::optional<TokenState> state;
    pool_.read([&](Session& session) { state = find_token(session, id_or_hash, period, defaults_); });
    return state;
  }

  std::optional<TokenState> change(const std::string& id_or_hash, const TokenChange& change,
                                   const QuotaPeriod& period) override {
    std::optional<TokenState> state;
    pool_.write([&](Session& session) {
      state.reset();
      if (change_token(session, id_or_hash, change, period, defaults_.limits))
        state = find_token(session, id_or_hash, period, defaults_);
    });
    return state;
  }

  std::vector<std::string> change_all(const std::vector<std::string>& names, const TokenChange& change,
                                      const QuotaPeriod& period) override {
    return for_all(names, [&](Session& session, const std::string& name) {
      return change_token(session, name, change, period, defaults_.limits);
    });
  }

  std::vector<std::string> remove_all(const std::vector<std::string>& names, Time now) override {
    return for_all(
        names, [&](Session& session, const std::string& name) { return remove_token(session, name, now); });
  }

  std::vector<std::string> restore_all(const std::vector<std::string>& names) override {
    return for_all(names, restore_token);
  }

  std::vector<PlanUse> plans() override {
    return report([](Session& session) { return list_plans(session); });
  }

  std::optional<PlanUse> plan(const std::string& name) override {
    std::optional<PlanUse> found;
    pool_.read([&](Session& session) { found = find_plan(session, name); });
    return found;
  }

  bool add_plan(const Plan& plan, const QuotaPeriod& period) override {
    bool added = false;
    pool_.write([&](Session& session) { added = insert_plan(session, plan, period, defaults_.limits); });
    return added;
  }

  std::optional<Plan> edit_plan(const std::string& name, const EditPlan& edit,
                                const QuotaPeriod& period) override {
    std::optional<Plan> edited;
    pool_.write([&](Session& session) {
      edited = postgres::edit_plan(session, name, edit, period, defaults_.limits);
    });
    return edited;
  }

  PlanRemoval remove_plan(const std::string& name, const std::optional<std::string>& move_to,
                          const QuotaPeriod& period) override {
    PlanRemoval removal;
    pool_.write([&](Session& session) { removal = postgres::remove_plan(session, name, move_to, period); });
    return removal;
  }

  void keep_file_plans(const std::vector<Plan>& plans, const QuotaPeriod& period) override {
    pool_.write(
        [&](Session& session) { postgres::keep_file_plans(session, plans, period, defaults_.limits); });
  }

  TokenPage list(const TokenQuery& query, const QuotaPeriod& period) override {
    return report([&](Session& session) { return list_tokens(session, query, period, defaults_); });
  }

  TokenCounts counts(const QuotaPeriod& period) override {
    return report([&](Session& session) { return count_tokens(session, period, defaults_.limits); });
  }

  UsageSummary usage(const UsageQuery& query) override {
    return report([&](Session& session) { return sum_usage(session, query); });
  }

  bool is_shared() const override { return true; }

  std::string shared_text(const std::string& name, const std::string& if_absent) override {
    std::string kept;
    pool_.write([&](Session& session) { kept = postgres::shared_text(session, name, if_absent); });
    return kept;
  }

  std::string change_shared_text(const std::string& name, const ChangeText& change) override {
    std::string made;
    pool_.write([&](Session& session) { made = postgres::change_shared_text(session, name, change); });
    return made;
  }

  std::uintmax_t bytes() const override {
    std::int64_t size = 0;
    try {
      pool_.read([&](Session& session) {
        size = number(session.run("SELECT pg_database_size(current_database())")[0], 0);
      });
    } catch (const Error&) {
      return 0;  // other engines do not tell, or it is not there: a figure is no reason to fail
    }
    return static_cast<std::uintmax_t>(size);
  }

  bool roll_up(const std::string& month) override {
    bool more = false;
    pool_.write([&](Session& session) { more = roll_up_usage(session, month, rolled_up_at_once); });
    return more;
  }

  bool purge(Time then) override {
    bool more = false;
    pool_.write([&](Session& session) { more = purge_tokens(session, then, purged_at_once); });
    return more;
  }

  std::string fold_due(const std::string& after) override {
    std::string last;
    pool_.write([&](Session& session) { last = fold_some(session, after); });
    return last;
  }

  /// There is no WAL of this server's; what is bounded here is what addresses and nodes left.
  void bound_wal() override {
    pool_.write([&](Session& session) { forget_old(session); });
  }

  std::chrono::seconds take_place(const PlaceRequest& request) override {
    std::chrono::seconds wait{};
    pool_.write([&](Session& session) { wait = postgres::take_place(session, request); });
    return wait;
  }

  std::chrono::milliseconds clock_ahead() const override { return counting_.clock_ahead(); }

  void admit(AdmissionRequest request, OnAdmission on_admission) override {
    const auto answer = std::make_shared<Admission>();
    queue_.add({[this, answer, request = std::move(request)] { counting_.batch().admit(request, answer); },
                [answer, on_admission = std::move(on_admission)](std::exception_ptr problem) {
                  on_admission(std::move(*answer), problem);
                }});
  }

  void give_back(Reservation reservation) override {
    queue_.add_always(
        counting_.once([row = std::move(reservation)](CountingBatch& batch) { batch.give_back(row); }));
  }

  void settle(Reservation reservation, TokenUse use) override {
    queue_.add_lazily(counting_.once(
        [row = std::move(reservation), use](CountingBatch& batch) { batch.settle(row, use); }));
  }

  void probe(std::function<void(std::exception_ptr)> done) override {
    queue_.add({[] {}, std::move(done)});
  }

  std::size_t waiting() const override { return queue_.waiting(); }

 private:
  /// Does it to each in one transaction, in the order in which counting locks them; those where it found
  /// nothing to do.
  template <class Do>
  std::vector<std::string> for_all(const std::vector<std::string>& names, const Do& work) {
    std::vector<std::string> absent;
    pool_.write([&](Session& session) {
      absent.clear();
      for (const std::string& name : names) {
        if (!work(session, name)) absent.push_back(name);
      }
    });
    return absent;
  }

  /// One state of the database for all that it asks.
  template <class Ask>
  std::invoke_result_t<Ask, Session&> report(const Ask& ask) {
    std::invoke_result_t<Ask, Session&> answer;
    pool_.read([&](Session& session) {
      session.transact([&] {
        session.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
        answer = ask(session);
      });
    });
    return answer;
  }

  Defaults defaults_;
  mutable SessionPool pool_;
  CountingSession counting_;  ///< the queue's thread's
  CommitQueue queue_;         ///< last: its thread uses what stands above
};

}  // namespace

std::unique_ptr<AdminStore> open_postgres_store(const std::string& url, const StoreOptions& options) {
  const std::string shown = without_password(url);
  SystemEntropy entropy;
  const std::string node = "node_" + random_hex(entropy, 8);
  try {
    Session session(url, {std::chrono::minutes{10}, std::chrono::minutes{1}});
    migrate(session, shown);
    if (is_half_moved(session)) throw unfinished_move("the database " + shown);
    session.ask("INSERT INTO nodes (id, batch, seen_at) VALUES ($1, 0, now())", {node});
  } catch (const Failure& failure) {
    throw Error(ErrorKind::unavailable, "cannot use the database " + shown + ": " + failure.detail());
  }
  return std::make_unique<PostgresStore>(url, node, options);
}

}  // namespace opencat
