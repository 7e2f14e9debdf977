// SPDX-License-Identifier: MIT
#include "server/store/admissions.hpp"

#include <utility>

namespace opencat {

using sqlite::Lent;

namespace {

/// About a kilobyte each at most. Whoever is asked about is kept, also those that are refused, of whom
/// nothing is folded.
constexpr std::size_t most_known = 16'384;

}  // namespace

Admissions::Admissions(SQLite::Database& database, RecentUsage& recent, std::size_t requests_per_minute,
                       const Limits& default_limits)
    : recent_(recent),
      tokens_(database, default_limits, requests_per_minute),
      per_minute_(requests_per_minute),
      window_(requests_per_minute, std::chrono::minutes(1)),
      touch_(database, "UPDATE tokens SET last_used_at = ?2 WHERE seq = ?1"),
      used_up_(database, "UPDATE tokens SET used_up_until = ?2 WHERE seq = ?1") {}

/// Null: there is no such token.
Admissions::Known* Admissions::known(const AdmissionRequest& request) {
  if (std::exchange(epoch_, recent_.epoch()) != recent_.epoch() || known_.size() >= most_known)
    known_.clear();
  const auto found = known_.find(request.token_hash);
  if (found != known_.end() && found->second.day == request.period.day) return &found->second;
  auto token = tokens_.holder(request.token_hash, request.period);
  if (!token) return nullptr;
  return &known_.insert_or_assign(request.token_hash, Known{std::move(*token), request.period.day})
              .first->second;
}

Admission Admissions::admit(const AdmissionRequest& request) {
  Known* const known_token = known(request);
  if (known_token == nullptr) return rules_.decide({}, request, {}).admission;
  TokenHolder& kept = known_token->token;
  TokenHolder token = kept;
  const QuotaUse recent = recent_.use(token.id, request.period);
  token.use = {token.use.daily + recent.daily, token.use.monthly + recent.monthly};
  const AdmissionDecision decision = rules_.decide(
      token, request, [&] { return window_.take(token.id, request.now, token.per_minute_or(per_minute_)); });
  // First what may fail without harm: a request that was counted must not be told that it was not.
  if (!decision.used_up_until.empty()) {
    set_text(used_up_, token.seq, decision.used_up_until);
    kept.used_up_until = decision.used_up_until;
  }
  if (!decision.last_used_at.empty()) {
    set_text(touch_, token.seq, decision.last_used_at);
    kept.last_used_at = decision.last_used_at;
  }
  if (decision.counted) recent_.add({token.id, request.period.day, decision.admission.model}, {1});
  return decision.admission;
}

void Admissions::set_text(SQLite::Statement& statement, std::int64_t seq, const std::string& text) {
  Lent set(statement);
  set->bind(1, seq);
  set->bind(2, text);
  set->exec();
}

void Admissions::give_back(const Reservation& row) { recent_.take_back(row); }

void Admissions::settle(const Reservation& row, const TokenUse& used) {
  const std::int64_t estimated = used.estimated ? 1 : 0;
  recent_.add(row, {0, used.prompt, used.completion, estimated, estimated * used.prompt,
                    estimated * used.completion});
}

}  // namespace opencat
