// SPDX-License-Identifier: MIT
// The only file that includes SQLiteCpp.
#include "server/store/sqlite_store.hpp"

#include <mutex>

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "opencat/assets.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "server/domain/sliding_window.hpp"
#include "server/store/commit_queue.hpp"

namespace opencat {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_waiting_commits = 20'000;
constexpr int busy_timeout_ms = 10'000;  ///< for an operator's own sqlite3 session on the file

[[noreturn]] void rethrow(const SQLite::Exception& problem, const fs::path& file) {
  const std::string detail = problem.what();
  switch (problem.getErrorCode()) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      throw Error(ErrorKind::usage,
                  file.string() + " is damaged or no database; move it away and put a backup in its place",
                  detail);
    case SQLITE_FULL:
      throw Error(ErrorKind::failed, "the disk with " + file.string() + " is full", detail);
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      throw Error(ErrorKind::failed, "cannot write " + file.string() + "; check its owner and its folder's",
                  detail);
    default:
      throw Error(ErrorKind::failed, "the database failed", detail);
  }
}

/// Makes the file if it is missing, for its owner only: SQLite itself would go by the umask.
void make_private_file(const fs::path& file) {
  make_folders(file.parent_path(), 0700);
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) throw system_error("cannot write " + file.string());
  ::close(descriptor);
}

/// The file's schema version. Throws when it is newer than the migrations known here; changes nothing.
int checked_version(SQLite::Database& database, const fs::path& file, int newest) {
  const int version = database.execAndGet("PRAGMA user_version").getInt();
  if (version > newest) {
    throw Error(ErrorKind::usage, file.string() + " is of a newer opencat (schema " +
                                      std::to_string(version) + ", this program knows " +
                                      std::to_string(newest) + "); use that one");
  }
  return version;
}

void migrate(SQLite::Database& database, int version, const std::vector<Asset>& migrations) {
  const int newest = static_cast<int>(migrations.size());
  for (int next = version; next < newest; ++next) {
    SQLite::Transaction transaction(database);
    database.exec(std::string(migrations[static_cast<std::size_t>(next)].bytes));
    database.exec("PRAGMA user_version = " + std::to_string(next + 1));
    transaction.commit();
  }
}

void prepare_connection(SQLite::Database& database) {
  database.exec("PRAGMA journal_mode = WAL");
  // FULL: a commit is on the disk, not only with the kernel, before it counts. Group commit pays for it.
  database.exec("PRAGMA synchronous = FULL");
  database.exec("PRAGMA foreign_keys = ON");
}

const char* status_text(TokenStatus status) { return status == TokenStatus::active ? "active" : "disabled"; }

constexpr const char* token_columns =
    "id, token_hash, token_prefix, status, platform, install_id, version, label, daily_limit, monthly_limit, "
    "meta, "
    "created_at, coalesce(last_used_at, '')";

TokenRecord token_of_row(SQLite::Statement& row) {
  TokenRecord token;
  token.id = row.getColumn(0).getString();
  token.hash = row.getColumn(1).getString();
  token.prefix = row.getColumn(2).getString();
  token.status = row.getColumn(3).getString() == "active" ? TokenStatus::active : TokenStatus::disabled;
  token.platform = row.getColumn(4).getString();
  token.install_id = row.getColumn(5).getString();
  token.version = row.getColumn(6).getString();
  token.label = row.getColumn(7).getString();
  token.limits = {row.getColumn(8).getInt64(), row.getColumn(9).getInt64()};
  token.meta = row.getColumn(10).getString();
  token.created_at = row.getColumn(11).getString();
  token.last_used_at = row.getColumn(12).getString();
  return token;
}

/// One connection with its prepared statements; not for use from two threads at once.
class Connection {
 public:
  Connection(const fs::path& file, SlidingWindow* window)
      : window_(window),
        database_(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, busy_timeout_ms) {
    const std::vector<Asset> migrations = assets_under("migrations/");
    const int version = checked_version(database_, file, static_cast<int>(migrations.size()));
    prepare_connection(database_);
    migrate(database_, version, migrations);
    const std::string select = std::string("SELECT ") + token_columns + " FROM tokens WHERE token_hash = ?1";
    find_.emplace(database_, select);
    // A month's rows of a token stand together in the primary key; "-32" is behind every day of it.
    use_.emplace(
        database_,
        "SELECT coalesce(sum(request_count) FILTER (WHERE date = ?2), 0), coalesce(sum(request_count), 0) "
        "FROM usage WHERE token_id = ?1 AND date > ?3 || '-00' AND date < ?3 || '-32'");
    count_.emplace(database_,
                   "INSERT INTO usage (token_id, date, model, request_count) VALUES (?1, ?2, ?3, 1) "
                   "ON CONFLICT DO UPDATE SET request_count = request_count + 1");
    uncount_.emplace(database_,
                     "UPDATE usage SET request_count = max(0, request_count - 1) "
                     "WHERE token_id = ?1 AND date = ?2 AND model = ?3");
    settle_.emplace(
        database_,
        "UPDATE usage SET prompt_tokens = prompt_tokens + ?4, completion_tokens = completion_tokens + ?5 "
        "WHERE token_id = ?1 AND date = ?2 AND model = ?3");
    // To the minute: a write per request would buy an operator nothing.
    touch_.emplace(database_,
                   "UPDATE tokens SET last_used_at = ?2 WHERE id = ?1 AND "
                   "(last_used_at IS NULL OR substr(last_used_at, 1, 16) <> substr(?2, 1, 16))");
  }

  SQLite::Database& database() { return database_; }

  std::optional<TokenRecord> find(const std::string& hash) {
    Use statement(*find_);
    statement->bind(1, hash.data(), static_cast<int>(hash.size()));
    if (!statement->executeStep()) return std::nullopt;
    return token_of_row(*statement);
  }

  QuotaUse use(const std::string& token_id, const QuotaPeriod& period) {
    Use statement(*use_);
    statement->bind(1, token_id);
    statement->bind(2, period.day);
    statement->bind(3, period.month);
    statement->executeStep();
    return {statement->getColumn(0).getInt64(), statement->getColumn(1).getInt64()};
  }

  Admission admit(const AdmissionRequest& request) {
    using Verdict = Admission::Verdict;
    Admission admission;
    const auto token = find(request.token_hash);
    if (!token) return admission;
    admission.token_id = token->id;
    admission.limits = token->limits;
    admission.use = use(token->id, request.period);
    admission.verdict = verdict(*token, admission.use);
    if (admission.verdict != Verdict::admitted) return admission;
    admission.retry_after = window_->take(token->id, request.now);
    if (admission.retry_after.count() > 0) {
      admission.verdict = Verdict::rate_limited;
      return admission;
    }
    change(*count_, {token->id, request.period.day, request.model});
    Use touched(*touch_);
    touched->bind(1, token->id);
    touched->bind(2, iso8601(request.now));
    touched->exec();
    ++admission.use.daily;
    ++admission.use.monthly;
    return admission;
  }

  void uncount(const Reservation& row) { change(*uncount_, row); }

  void settle(const Reservation& row, TokenUse used) {
    settle_->bind(4, used.prompt);
    settle_->bind(5, used.completion);
    change(*settle_, row);
  }

 private:
  /// Gives a prepared statement back unbound, however its use ends: a cursor left open would hold the WAL.
  class Use {
   public:
    explicit Use(SQLite::Statement& statement) : statement_(statement) {}
    ~Use() {
      statement_.tryReset();
      statement_.clearBindings();
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    SQLite::Statement* operator->() { return &statement_; }
    SQLite::Statement& operator*() { return statement_; }

   private:
    SQLite::Statement& statement_;
  };

  static Admission::Verdict verdict(const TokenRecord& token, const QuotaUse& use) {
    if (token.status == TokenStatus::disabled) return Admission::Verdict::disabled;
    switch (quota_verdict(token.limits, use)) {
      case QuotaVerdict::daily_used_up:
        return Admission::Verdict::daily_used_up;
      case QuotaVerdict::monthly_used_up:
        return Admission::Verdict::monthly_used_up;
      case QuotaVerdict::within:
        break;
    }
    return Admission::Verdict::admitted;
  }

  static void change(SQLite::Statement& prepared, const Reservation& row) {
    Use statement(prepared);
    statement->bind(1, row.token_id);
    statement->bind(2, row.date);
    statement->bind(3, row.model);
    statement->exec();
  }

  SlidingWindow* window_;  ///< only the writer's
  SQLite::Database database_;
  std::optional<SQLite::Statement> find_, use_, count_, uncount_, settle_, touch_;
};

class SqliteStore : public Store {
 public:
  SqliteStore(fs::path file, const StoreOptions& options)
      : file_(std::move(file)),
        window_(options.requests_per_minute, std::chrono::minutes(1)),
        writer_(file_, &window_),
        reader_(file_, nullptr),
        on_commit_(options.on_commit),
        queue_({statement("BEGIN IMMEDIATE"), [this] { commit(); }, statement("ROLLBACK")},
               max_waiting_commits) {}

  void issue(const TokenRecord& token) override {
    queue_.wait_for(guarded([this, &token] { insert(token); }));
  }

  std::optional<TokenState> find_by_hash(const std::string& token_hash, const QuotaPeriod& period) override {
    std::optional<TokenState> state;
    guarded([&] {
      const std::lock_guard lock(reader_mutex_);
      auto token = reader_.find(token_hash);
      if (!token) return;
      const QuotaUse use = reader_.use(token->id, period);
      state = TokenState{std::move(*token), use};
    })();
    return state;
  }

  bool remove(const std::string& id_or_hash) override {
    int removed = 0;
    queue_.wait_for(guarded([&] {
      SQLite::Statement statement(writer_.database(), "DELETE FROM tokens WHERE id = ?1 OR token_hash = ?2");
      statement.bind(1, id_or_hash);
      statement.bind(2, id_or_hash.data(), static_cast<int>(id_or_hash.size()));
      removed = statement.exec();
    }));
    return removed > 0;
  }

  void admit(AdmissionRequest request, OnAdmission on_admission) override {
    const auto admission = std::make_shared<Admission>();
    queue_.add(
        {guarded([this, admission, request = std::move(request)] { *admission = writer_.admit(request); }),
         [admission, on_admission = std::move(on_admission)](std::exception_ptr problem) {
           on_admission(std::move(*admission), problem);
         }});
  }

  void give_back(Reservation reservation) override {
    queue_.add_always({guarded([this, row = std::move(reservation)] { writer_.uncount(row); }), {}});
  }

  void settle(Reservation reservation, TokenUse use) override {
    queue_.add_always({guarded([this, row = std::move(reservation), use] { writer_.settle(row, use); }), {}});
  }

  void probe(std::function<void(std::exception_ptr)> done) override {
    // Writing the value that is there writes a page, and so the disk is asked.
    queue_.add({guarded([this] {
                  const int version = writer_.database().execAndGet("PRAGMA user_version").getInt();
                  writer_.database().exec("PRAGMA user_version = " + std::to_string(version));
                }),
                std::move(done)});
  }

  std::size_t waiting() const override { return queue_.waiting(); }

 private:
  void commit() {
    const auto began = std::chrono::steady_clock::now();
    guarded([this] { writer_.database().exec("COMMIT"); })();
    if (on_commit_) on_commit_(std::chrono::steady_clock::now() - began);
  }

  /// The same work, with SQLiteCpp's exceptions as the project's.
  std::function<void()> guarded(std::function<void()> work) const {
    return [this, work = std::move(work)] {
      try {
        work();
      } catch (const SQLite::Exception& problem) {
        rethrow(problem, file_);
      }
    };
  }

  std::function<void()> statement(const char* sql) {
    return guarded([this, sql] { writer_.database().exec(sql); });
  }

  void insert(const TokenRecord& token) {
    SQLite::Statement statement(
        writer_.database(),
        "INSERT INTO tokens (id, token_hash, token_prefix, status, platform, install_id, "
        "version, label, daily_limit, monthly_limit, meta, created_at) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");
    statement.bind(1, token.id);
    statement.bind(2, token.hash.data(), static_cast<int>(token.hash.size()));
    statement.bind(3, token.prefix);
    statement.bind(4, status_text(token.status));
    statement.bind(5, token.platform);
    statement.bind(6, token.install_id);
    statement.bind(7, token.version);
    statement.bind(8, token.label);
    statement.bind(9, token.limits.daily);
    statement.bind(10, token.limits.monthly);
    statement.bind(11, token.meta);
    statement.bind(12, token.created_at);
    statement.exec();
  }

  fs::path file_;
  SlidingWindow window_;  ///< the queue's thread's, so it needs no lock
  Connection writer_;     ///< the queue's thread's, once that runs
  Connection reader_;
  std::mutex reader_mutex_;
  std::function<void(std::chrono::nanoseconds)> on_commit_;
  CommitQueue queue_;  ///< last: its thread uses what stands above
};

}  // namespace

std::unique_ptr<Store> open_sqlite_store(const fs::path& file, const StoreOptions& options) {
  make_private_file(file);
  try {
    return std::make_unique<SqliteStore>(file, options);
  } catch (const SQLite::Exception& problem) {
    rethrow(problem, file);
  }
}

}  // namespace opencat
