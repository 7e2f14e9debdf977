// SPDX-License-Identifier: MIT
// What a request reads and writes in PostgreSQL, of which there is no more with more tokens.
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "tests/server/store/store_fixture.hpp"

using namespace opencat;
using namespace opencat::store_test;

namespace {

bool is_there() { return store_kinds().size() > 1; }

void request(const Fixture& fixture, const TokenRecord& token) {
  // Shared: the callback may still be in set_value() when the wait is over.
  const auto verdict = std::make_shared<std::promise<Admission::Verdict>>();
  fixture.store->admit(
      {token.hash, "m", quota_period(now, 0min), now},
      [verdict](const Admission& admission, std::exception_ptr) { verdict->set_value(admission.verdict); });
  CHECK(verdict->get_future().get() == Admission::Verdict::admitted);
}

}  // namespace

TEST_CASE("requests of tokens that were issued all at once leave their rows in the pages where they are") {
  if (!is_there()) return;
  Fixture fixture(StoreKind::postgres);
  std::vector<TokenRecord> tokens(1000, fixture.issue('a'));
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::string number = std::to_string(10'000 + i);
    tokens[i].id = "tok_" + number;
    tokens[i].hash = number + std::string(27, 'x');
  }
  fixture.store->issue_all(tokens);
  fixture.sql(
      "INSERT INTO usage (token_id, date, model, request_count) SELECT id, '2026-11-23', 'm', 1 FROM tokens");
  const std::string pages =
      "SELECT id || (tokens.ctid::text::point)[0] || ' ' || (usage.ctid::text::point)[0] "
      "FROM tokens JOIN usage ON token_id = id ORDER BY id";
  const auto before = fixture.sql(pages);
  for (std::size_t i = 0; i < tokens.size(); i += 10) request(fixture, tokens[i]);
  fixture.sql("UPDATE recent_tokens SET folded_at = folded_at - interval '3 minutes'");
  fixture.store->fold_due("");
  // Each has a new version of both rows.
  CHECK(fixture.sql("SELECT count(*) FROM usage JOIN tokens ON id = token_id WHERE request_count = 2 AND "
                    "last_used_at IS NOT NULL") == std::vector<std::string>{"100"});
  CHECK(fixture.sql(pages) == before);
}

TEST_CASE("a request reads its own token's rows, however few all of them are") {
  if (!is_there()) return;
  Fixture fixture(StoreKind::postgres);
  const auto token = fixture.issue('a');
  fixture.sql(
      "INSERT INTO tokens (id, token_hash, token_prefix, status, platform, install_id, version, meta, "
      "created_at) SELECT 'tok_' || i, decode(md5(i::text), 'hex'), '', 'active', '', '', '', '', '' FROM "
      "generate_series(1, 1000) i");
  fixture.sql("INSERT INTO usage (token_id, date, model) SELECT id, '2026-11-23', 'm' FROM tokens");
  fixture.sql("INSERT INTO recent_tokens (token_id) SELECT id FROM tokens");
  fixture.sql("INSERT INTO recent_usage (token_id, date, model) SELECT id, '2026-11-23', 'm' FROM tokens");
  // As a server finds them: the sizes are known, and nothing has been planned.
  for (const char* table : {"tokens", "usage", "recent_tokens", "recent_usage"})
    fixture.sql(std::string("ANALYZE ") + table);
  fixture.open();
  const auto rows_read = [&](const std::string& index) {
    return std::stoi(
        fixture
            .sql("SELECT idx_tup_read FROM pg_stat_user_indexes WHERE schemaname = current_schema() AND "
                 "indexrelname = '" +
                 index + "'")
            .at(0));
  };
  const int counts_before = rows_read("usage_pkey");
  const int windows_before = rows_read("recent_tokens_pkey");
  const int recent_before = rows_read("recent_usage_pkey");
  const int dates_before = rows_read("usage_by_date");
  for (int i = 0; i < 10; ++i) request(fixture, token);
  fixture.store.reset();  // its connections tell what they read when they end
  while (rows_read("usage_pkey") == counts_before) std::this_thread::yield();
  CHECK(rows_read("usage_by_date") == dates_before);
  CHECK(rows_read("usage_pkey") - counts_before < 500);
  CHECK(rows_read("recent_tokens_pkey") - windows_before < 500);
  CHECK(rows_read("recent_usage_pkey") - recent_before < 500);
}
