// SPDX-License-Identifier: MIT
#include "server/store/admission_rules.hpp"

#include <utility>

#include "server/domain/plan.hpp"

namespace opencat {

using Verdict = Admission::Verdict;

namespace {

constexpr std::size_t to_the_minute = sizeof "2026-01-31T08:00" - 1;

Verdict quota(const Limits& limits, const QuotaUse& use) {
  switch (quota_verdict(limits, use)) {
    case QuotaVerdict::daily_used_up:
      return Verdict::daily_used_up;
    case QuotaVerdict::monthly_used_up:
      return Verdict::monthly_used_up;
    case QuotaVerdict::within:
      break;
  }
  return Verdict::admitted;
}

Verdict verdict(const TokenHolder& token, const AdmissionRequest& request, const std::string& model) {
  if (token.status == TokenStatus::disabled) return Verdict::disabled;
  if (has_expired(token.expires_at, request.now)) return Verdict::expired;
  // Who only asks may not know the model yet.
  const bool knows_model = !(request.only_ask && model.empty());
  if (knows_model && !allows_model(token.models, model)) return Verdict::model_not_allowed;
  return quota(token.limits, token.use);
}

/// The request's model, or for one that leaves the choice to the server the first that its plan allows.
std::string model_for(const TokenHolder& token, const AdmissionRequest& request) {
  if (!request.automatic || allows_model(token.models, request.model)) return request.model;
  return token.models.substr(0, token.models.find('\n'));
}

/// Until when the token is to be among those that may be found used up; empty: it is so already, or is not.
std::string used_up_until(const TokenHolder& token, Verdict which, const QuotaPeriod& period) {
  if (which != Verdict::daily_used_up && which != Verdict::monthly_used_up) return {};
  std::string until = which == Verdict::monthly_used_up ? last_day(period) : period.day;
  if (token.used_up_until >= until) return {};
  return until;
}

}  // namespace

AdmissionDecision AdmissionRules::decide(const std::optional<TokenHolder>& token,
                                         const AdmissionRequest& request, const TakeMinute& take_minute) {
  AdmissionDecision decision;
  if (!token) return decision;
  Admission& admission = decision.admission;
  admission.token_id = token->id;
  admission.limits = token->limits;
  admission.use = token->use;
  admission.model = model_for(*token, request);
  admission.verdict = verdict(*token, request, admission.model);
  if (request.only_ask) return decision;
  if (admission.verdict != Verdict::admitted) {
    // Mostly that is known; not when an operator changed the limits in the database.
    decision.used_up_until = used_up_until(*token, admission.verdict, request.period);
    return decision;
  }
  admission.retry_after = take_minute();
  if (admission.retry_after.count() > 0) {
    admission.verdict = Verdict::rate_limited;
    return decision;
  }
  admission.use = {token->use.daily + 1, token->use.monthly + 1};
  decision.counted = true;
  decision.used_up_until = used_up_until(*token, quota(token->limits, admission.use), request.period);
  // To the minute: a write per request would buy an operator nothing.
  if (token->last_used_at.compare(0, to_the_minute, this_minute(request.now)) != 0)
    decision.last_used_at = iso8601(request.now);
  return decision;
}

/// "2026-01-31T08:00", which is worded once a minute.
const std::string& AdmissionRules::this_minute(Time now) {
  const auto minute = std::chrono::floor<std::chrono::minutes>(now);
  if (std::exchange(minute_, minute) != minute) minute_text_ = iso8601(now).substr(0, to_the_minute);
  return minute_text_;
}

}  // namespace opencat
