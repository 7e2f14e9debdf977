// SPDX-License-Identifier: MIT
// The operator's lists as CSV (RFC 4180), for a spreadsheet.
#include <functional>
#include <memory>

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "server/http/blocking_pool.hpp"
#include "server/routes/admin.hpp"
#include "server/routes/query.hpp"
#include "server/routes/token_json.hpp"

namespace opencat::routes {

namespace {

constexpr std::int64_t rows_at_once = 2000;
constexpr std::size_t max_waiting = 64;
constexpr std::int64_t max_usage_rows = 100'000;
/// Excel takes a file without it for one of the system's old code page, and Chinese for nonsense.
constexpr const char* byte_order_mark = "\xef\xbb\xbf";

/// A cell that holds `text`, and never a formula: what a spreadsheet would take for one gets an apostrophe in
/// front, since labels come from outside.
std::string cell(const std::string& text) {
  std::string safe = text;
  if (!safe.empty() && std::string_view("=+-@\t\r").find(safe.front()) != std::string_view::npos)
    safe.insert(0, 1, '\'');
  if (safe.find_first_of(",\"\r\n") == std::string::npos) return safe;
  std::string quoted = "\"";
  for (const char c : safe) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string line(const std::vector<std::string>& cells) {
  std::string text;
  for (const std::string& each : cells) text.append(cell(each)).append(",");
  text.back() = '\r';  // in the last comma's place; a first cell may be empty
  return text + "\n";
}

const char* tokens_head =
    "id,token,status,platform,label,daily_limit,daily_used,monthly_limit,monthly_used,created_at,last_used_"
    "at,"
    "deleted_at,version,install_id,plan\r\n";

std::string token_line(const TokenState& state) {
  const TokenRecord& token = state.token;
  return line({token.id, token.prefix + "****", status_word(state.status()), token.platform, token.label,
               std::to_string(token.limits.daily), std::to_string(state.use.daily),
               std::to_string(token.limits.monthly), std::to_string(state.use.monthly), token.created_at,
               token.last_used_at, token.deleted_at, token.version, token.install_id, token.plan});
}

http::Headers csv_headers(const std::string& file) {
  return {{"Content-Type", "text/csv; charset=utf-8"},
          {"Content-Disposition", "attachment; filename=\"" + file + "\""},
          {"Cache-Control", "no-store"},
          {"X-Content-Type-Options", "nosniff"}};
}

/// Sends all tokens of a query: some are read in the pool's thread, written on the exchange's loop, and the
/// next read when the client has taken them. So an export holds one piece in memory, however many tokens
/// there are, and no snapshot of the database while a slow client reads. Keeps itself by the exchange's
/// callback.
class TokenExport : public std::enable_shared_from_this<TokenExport> {
 public:
  TokenExport(std::shared_ptr<http::Exchange> exchange, const AdminServices& admin,
              std::shared_ptr<http::BlockingPool> pool)
      : exchange_(std::move(exchange)),
        loop_(exchange_->loop()),
        admin_(admin),
        pool_(std::move(pool)),
        query_(read_token_query(exchange_->request())) {
    query_.limit = rows_at_once;
    query_.counted = false;
  }

  /// Throws Error(unavailable) when too many wait.
  void start() {
    exchange_->on_gone = [self = shared_from_this()] { self->gone_ = true; };
    exchange_->on_drained = [self = shared_from_this()] { self->go_on(); };
    read_next();
  }

 private:
  void read_next() {
    reading_ = true;
    pool_->run([self = shared_from_this()]() mutable {
      auto page = std::make_shared<TokenPage>();
      try {
        *page = self->admin_.store.list(self->query_, self->admin_.services.period());
      } catch (const Error&) {
        page.reset();
      }
      // It goes home with what was read, for an exchange may only be let go on its loop.
      EventLoop& loop = self->loop_;
      loop.post([self = std::move(self), page] { self->write(page); });
    });
  }

  void write(const std::shared_ptr<TokenPage>& page) {
    reading_ = false;
    if (gone_) return;
    if (!page) return fail();
    std::string text;
    if (!begun_) text = std::string(byte_order_mark) + tokens_head;
    for (const TokenState& state : page->tokens) text += token_line(state);
    if (!begun_) exchange_->begin({200, csv_headers("tokens.csv")});
    begun_ = true;
    if (exchange_->request().method == "HEAD") return exchange_->end();
    query_.after = page->next;
    exchange_->write(text);
  }

  void go_on() {
    if (reading_) return;
    if (!query_.after) return exchange_->end();
    try {
      read_next();
    } catch (const Error&) {
      fail();
    }
  }

  /// What has begun must not look whole.
  void fail() {
    if (begun_) return exchange_->cut_off();
    exchange_->respond(
        http::error_response(Error(ErrorKind::failed, "the server's database failed; its log says more")));
  }

  std::shared_ptr<http::Exchange> exchange_;
  EventLoop& loop_;
  AdminServices admin_;
  std::shared_ptr<http::BlockingPool> pool_;
  TokenQuery query_;
  bool reading_ = false;
  bool begun_ = false;
  bool gone_ = false;
};

const char* head_of(UsageGroup group) {
  switch (group) {
    case UsageGroup::day:
      return "date";
    case UsageGroup::token:
      return "id,token,label";
    case UsageGroup::model:
      return "model";
    case UsageGroup::plan:
      return "plan";
  }
  return "";
}

std::string usage_line(UsageGroup group, const UsageRow& row) {
  std::vector<std::string> cells{row.key};
  if (group == UsageGroup::token) cells.insert(cells.end(), {row.prefix + "****", row.label});
  for (const std::int64_t sum :
       {row.sums.requests, row.sums.tokens.prompt, row.sums.tokens.completion, row.sums.estimated_requests,
        row.sums.estimated_tokens.prompt, row.sums.estimated_tokens.completion}) {
    cells.push_back(std::to_string(sum));
  }
  return line(cells);
}

http::Response export_usage(const AdminServices& admin, const http::Request& request) {
  UsageQuery query = read_usage_query(admin, request);
  query.limit = max_usage_rows;
  std::string text = byte_order_mark;
  text += head_of(query.group);
  text +=
      ",requests,prompt_tokens,completion_tokens,estimated_requests,estimated_prompt_tokens,"
      "estimated_completion_tokens\r\n";
  for (const UsageRow& row : admin.store.usage(query).rows) text += usage_line(query.group, row);
  return {200, csv_headers("usage.csv"), std::move(text)};
}

}  // namespace

void add_admin_export_routes(http::Routes& routes, const AdminServices& admin) {
  // One thread, so that exports take turns and leave the handlers of other routes theirs.
  const auto pool = std::make_shared<http::BlockingPool>(1, max_waiting);
  routes.push_back({"GET", "/api/admin/export/tokens", http::Access::admin,
                    http::LoopHandler([admin, pool](const std::shared_ptr<http::Exchange>& exchange) {
                      std::make_shared<TokenExport>(exchange, admin, pool)->start();
                    })});
  routes.push_back({"GET", "/api/admin/export/usage", http::Access::admin,
                    http::BlockingHandler(
                        [admin](const http::Request& request) { return export_usage(admin, request); })});
}

}  // namespace opencat::routes
