// SPDX-License-Identifier: MIT
#include "server/routes/admission.hpp"

#include <algorithm>

#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat::routes {

namespace {

Error with_wait(ErrorKind kind, const std::string& message, std::chrono::seconds wait) {
  Error error(kind, message);
  error.retry_after_s = static_cast<int>(wait.count());
  return error;
}

}  // namespace

void throw_unless_admitted(const Admission& admission, const QuotaPeriod& period) {
  switch (admission.verdict) {
    case Admission::Verdict::admitted:
      return;
    case Admission::Verdict::unknown_token:
      throw Error(ErrorKind::unauthorized, "this token is not known here; install again or ask the operator");
    case Admission::Verdict::disabled:
      throw Error(ErrorKind::token_disabled, "the operator has disabled this token");
    case Admission::Verdict::expired:
      throw Error(ErrorKind::token_expired, "the plan of this token has ended; ask the operator");
    case Admission::Verdict::model_not_allowed:
      throw Error(ErrorKind::model_refused, "the plan of this token does not have the model '" +
                                                std::string(beginning(admission.model, 100)) +
                                                "'; GET /v1/models lists those it has, or use 'auto'");
    case Admission::Verdict::rate_limited:
      throw with_wait(ErrorKind::rate_limited, "too many requests in the last minute; wait a little",
                      admission.retry_after);
    case Admission::Verdict::daily_used_up:
      throw with_wait(ErrorKind::quota_exceeded, "today's quota is used up; it is renewed tomorrow",
                      period.day_left);
    case Admission::Verdict::monthly_used_up:
      throw with_wait(ErrorKind::quota_exceeded, "this month's quota is used up; it is renewed next month",
                      period.month_left);
  }
}

void add_quota_headers(http::Headers& headers, const Admission& admission, const QuotaPeriod& period) {
  const std::int64_t daily = std::max<std::int64_t>(0, admission.limits.daily - admission.use.daily);
  const std::int64_t monthly = std::max<std::int64_t>(0, admission.limits.monthly - admission.use.monthly);
  const bool by_day = daily <= monthly;
  headers.emplace_back("x-ratelimit-limit-requests",
                       std::to_string(by_day ? admission.limits.daily : admission.limits.monthly));
  headers.emplace_back("x-ratelimit-remaining-requests", std::to_string(std::min(daily, monthly)));
  headers.emplace_back("x-ratelimit-reset-requests",
                       std::to_string((by_day ? period.day_left : period.month_left).count()) + "s");
}

}  // namespace opencat::routes
