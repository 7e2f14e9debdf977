// SPDX-License-Identifier: MIT
#include "server/store/sqlite_store.hpp"

#include <mutex>

#include "opencat/error.hpp"
#include "server/store/admissions.hpp"
#include "server/store/commit_queue.hpp"
#include "server/store/plan_table.hpp"
#include "server/store/recent_usage.hpp"
#include "server/store/roll_up.hpp"
#include "server/store/sqlite.hpp"
#include "server/store/sqlite_reader.hpp"
#include "server/store/table_port.hpp"
#include "server/store/token_changes.hpp"

namespace opencat {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_waiting_commits = 20'000;
constexpr std::size_t max_addresses = 100'000;  ///< that are remembered by take_place()
constexpr int rolled_up_at_once = 500;
constexpr int purged_at_once = 20;              ///< each with its rows of usage
constexpr std::uintmax_t wal_bound = 64 << 20;  ///< as journal_size_limit has it

class SqliteStore : public AdminStore {
 public:
  SqliteStore(fs::path file, const StoreOptions& options)
      : file_(std::move(file)),
        writer_(sqlite::connect(file_, sqlite::Role::writer, options.busy_timeout)),
        recent_(writer_),
        admissions_(writer_, recent_, options.requests_per_minute, options.default_limits),
        changes_(writer_, options.default_limits),
        plans_(writer_, options.default_limits),
        written_(writer_, options.default_limits, options.requests_per_minute, &recent_),
        roll_up_(writer_),
        reader_(file_, options, recent_),
        on_commit_(options.on_commit),
        begin_(writer_, "BEGIN IMMEDIATE"),
        commit_(writer_, "COMMIT"),
        roll_back_(writer_, "ROLLBACK"),
        queue_({[this] { begin(); }, [this] { commit(); }, [this] { run(roll_back_); }},
               max_waiting_commits) {}

  /// So that a database at rest has all in `usage`.
  ~SqliteStore() override { fold_if_possible(); }
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  void issue(const TokenRecord& token) override {
    queue_.wait_for(guarded([&] { changes_.insert(token); }));
  }

  void issue_all(const std::vector<TokenRecord>& tokens) override {
    queue_.wait_for(guarded([&] {
      sqlite::in_savepoint(writer_, [&] {
        for (const TokenRecord& token : tokens) changes_.insert(token);
      });
    }));
  }

  std::optional<TokenState> find_by_hash(const std::string& token_hash, const QuotaPeriod& period) override {
    return reader_.state([&](TokenReader& tokens) { return tokens.find_by_hash(token_hash); }, period);
  }

  std::optional<TokenState> find(const std::string& id_or_hash, const QuotaPeriod& period) override {
    return reader_.state([&](TokenReader& tokens) { return tokens.find(id_or_hash); }, period);
  }

  std::optional<TokenState> change(const std::string& id_or_hash, const TokenChange& change,
                                   const QuotaPeriod& period) override {
    std::optional<TokenState> state;
    queue_.wait_for(changing([&] {
      if (!changes_.change(id_or_hash, change, period)) return;
      if (auto token = written_.find(id_or_hash)) state = written_.state(std::move(*token), period);
    }));
    return state;
  }

  std::vector<std::string> change_all(const std::vector<std::string>& names, const TokenChange& change,
                                      const QuotaPeriod& period) override {
    return for_all(names, [&](const std::string& name) { return changes_.change(name, change, period); });
  }

  std::vector<std::string> remove_all(const std::vector<std::string>& names, Time now) override {
    return for_all(names, [&](const std::string& name) { return changes_.remove(name, now); });
  }

  std::vector<std::string> restore_all(const std::vector<std::string>& names) override {
    return for_all(names, [&](const std::string& name) { return changes_.restore(name); });
  }

  std::vector<PlanUse> plans() override {
    return reader_.report([](Reports& reports) { return reports.plans(); });
  }

  std::optional<PlanUse> plan(const std::string& name) override {
    return reader_.report([&](Reports& reports) { return reports.plan(name); });
  }

  bool add_plan(const Plan& plan, const QuotaPeriod& period) override {
    bool added = false;
    as_one([&] { added = plans_.add(plan, period); });
    return added;
  }

  std::optional<Plan> edit_plan(const std::string& name, const EditPlan& edit,
                                const QuotaPeriod& period) override {
    std::optional<Plan> edited;
    as_one([&] { edited = plans_.edit(name, edit, period); });
    return edited;
  }

  PlanRemoval remove_plan(const std::string& name, const std::optional<std::string>& move_to,
                          const QuotaPeriod& period) override {
    PlanRemoval removal;
    as_one([&] { removal = plans_.remove(name, move_to, period); });
    return removal;
  }

  void keep_file_plans(const std::vector<Plan>& plans, const QuotaPeriod& period) override {
    as_one([&] { plans_.keep_file_plans(plans, period); });
  }

  TokenPage list(const TokenQuery& query, const QuotaPeriod& period) override {
    return report_usage([&](Reports& reports) { return reports.list(query, period); });
  }

  TokenCounts counts(const QuotaPeriod& period) override {
    return report_usage([&](Reports& reports) { return reports.counts(period); });
  }

  std::uintmax_t bytes() const override {
    std::uintmax_t sum = 0;
    for (const char* part : {"", "-wal"}) {
      std::error_code absent;
      const auto size = fs::file_size(file_.string() + part, absent);
      if (!absent) sum += size;
    }
    return sum;
  }

  UsageSummary usage(const UsageQuery& query) override {
    return report_usage([&](Reports& reports) { return reports.usage(query); });
  }

  std::chrono::seconds take_place(const PlaceRequest& request) override {
    const std::lock_guard lock(places_mutex_);
    if (!places_) places_.emplace(request.limit, request.window, max_addresses);
    return places_->take(request.address, request.now);
  }

  bool roll_up(const std::string& month) override {
    fold();
    bool more = false;
    queue_.wait_for(guarded([&] { more = roll_up_.step(month, rolled_up_at_once); }));
    return more;
  }

  bool purge(Time then) override {
    bool more = false;
    queue_.wait_for(changing([&] { more = changes_.purge(then, purged_at_once); }));
    return more;
  }

  void fold_usage() override { fold(); }

  void bound_wal() override {
    std::error_code absent;
    const auto size = fs::file_size(file_.string() + "-wal", absent);
    if (absent || size <= wal_bound) return;
    sqlite::serving(file_, [&] {
      SQLite::Database database(file_.string(), SQLite::OPEN_READWRITE, 100);
      database.tryExec("PRAGMA wal_checkpoint(TRUNCATE)");
    });
  }

  void admit(AdmissionRequest request, OnAdmission on_admission) override {
    const auto admission = std::make_shared<Admission>();
    queue_.add({guarded([this, admission, request = std::move(request)] {
                  *admission = admissions_.admit(request);
                }),
                [admission, on_admission = std::move(on_admission)](std::exception_ptr problem) {
                  on_admission(std::move(*admission), problem);
                }});
  }

  void give_back(Reservation reservation) override {
    queue_.add_always(guarded([this, row = std::move(reservation)] { admissions_.give_back(row); }));
  }

  void settle(Reservation reservation, TokenUse use) override {
    queue_.add_lazily(guarded([this, row = std::move(reservation), use] { admissions_.settle(row, use); }));
  }

  void probe(std::function<void(std::exception_ptr)> done) override {
    // Writing the value that is there writes a page, and so the disk is asked.
    queue_.add({guarded([this] {
                  const int version = writer_.execAndGet("PRAGMA user_version").getInt();
                  writer_.exec("PRAGMA user_version = " + std::to_string(version));
                }),
                std::move(done)});
  }

  std::size_t waiting() const override { return queue_.waiting(); }

 private:
  void begin() {
    run(begin_);
    sqlite::serving(file_, [this] { recent_.begin(); });
  }

  void commit() {
    const auto began = std::chrono::steady_clock::now();
    sqlite::serving(file_, [this] { recent_.commit([this] { sqlite::Lent(commit_)->exec(); }); });
    if (on_commit_) on_commit_(std::chrono::steady_clock::now() - began);
  }

  /// The same work, with SQLiteCpp's exceptions as the project's.
  std::function<void()> guarded(std::function<void()> work) const {
    return [this, work = std::move(work)] { sqlite::serving(file_, work); };
  }

  /// Guarded work that changes tokens or plans.
  std::function<void()> changing(std::function<void()> work) {
    return guarded([this, work = std::move(work)] {
      admissions_.forget();
      work();
    });
  }

  void fold() {
    if (!recent_.is_empty()) queue_.wait_for([this] { recent_.fold(); });
  }

  /// On a disk that takes no more, `usage` tells what it has, and nothing is lost.
  void fold_if_possible() {
    try {
      fold();
    } catch (const Error&) {
    }
  }

  void run(SQLite::Statement& statement) const {
    sqlite::serving(file_, [&] { sqlite::Lent(statement)->exec(); });
  }

  /// Waits until it is done and on the disk, all of it or nothing.
  void as_one(const std::function<void()>& work) {
    queue_.wait_for(changing([&] { sqlite::in_savepoint(writer_, work); }));
  }

  /// Does it to each in one piece; those where it found nothing to do.
  template <class Do>
  std::vector<std::string> for_all(const std::vector<std::string>& names, const Do& work) {
    std::vector<std::string> absent;
    queue_.wait_for(changing([&] {
      sqlite::in_savepoint(writer_, [&] {
        for (const std::string& name : names) {
          if (!work(name)) absent.push_back(name);
        }
      });
    }));
    return absent;
  }

  /// Of what is in `usage`, when all is.
  template <class Ask>
  std::invoke_result_t<Ask, Reports&> report_usage(const Ask& ask) {
    fold_if_possible();
    return reader_.report(ask);
  }

  fs::path file_;
  SQLite::Database writer_;  ///< this and its users are the queue's thread's, once that runs
  RecentUsage recent_;
  Admissions admissions_;
  TokenChanges changes_;
  PlanTable plans_;
  TokenReader written_;
  RollUp roll_up_;
  SqliteReader reader_;
  std::optional<SlidingWindow> places_;  ///< in memory: no other server has this file
  std::mutex places_mutex_;
  std::function<void(std::chrono::nanoseconds)> on_commit_;
  SQLite::Statement begin_, commit_, roll_back_;
  CommitQueue queue_;  ///< last: its thread uses what stands above
};

}  // namespace

std::unique_ptr<AdminStore> open_sqlite_store(const fs::path& file, const StoreOptions& options) {
  try {
    auto store = std::make_unique<SqliteStore>(file, options);
    if (sqlite::connect(file, sqlite::Role::reader).tableExists("moving"))
      throw unfinished_move(file.string());
    return store;
  } catch (const SQLite::Exception& problem) {
    sqlite::rethrow(problem, sqlite::Moment::opening, file);
  }
}

}  // namespace opencat
