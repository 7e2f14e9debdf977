// SPDX-License-Identifier: MIT
#include "opencat/retry.hpp"

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <ctime>
#include <iomanip>
#include <locale>
#include <mutex>
#include <sstream>

#include "opencat/error.hpp"

namespace opencat {

using std::chrono::milliseconds;

bool is_transient(int status) {
  return status == 408 || status == 429 || (status >= 500 && status != 501 && status != 505);
}

std::optional<milliseconds> retry_after(const HttpHeaders& headers, Time now) {
  const std::string* value = find_header(headers, "Retry-After");
  if (value == nullptr) return std::nullopt;
  unsigned seconds = 0;
  const auto [end, problem] = std::from_chars(value->data(), value->data() + value->size(), seconds);
  if (problem == std::errc{} && end == value->data() + value->size()) {
    return milliseconds(std::int64_t{seconds} * 1000);
  }
  std::tm parts{};
  std::istringstream text(*value);
  text.imbue(std::locale::classic());
  text >> std::get_time(&parts, "%a, %d %b %Y %H:%M:%S GMT");
  if (!text || text.peek() != std::istringstream::traits_type::eof()) return std::nullopt;
  const std::chrono::year_month_day day{std::chrono::year(parts.tm_year + 1900),
                                        std::chrono::month(static_cast<unsigned>(parts.tm_mon) + 1),
                                        std::chrono::day(static_cast<unsigned>(parts.tm_mday))};
  const auto time = std::chrono::hours(parts.tm_hour) + std::chrono::minutes(parts.tm_min) +
                    std::chrono::seconds(parts.tm_sec);
  const Time then{std::chrono::sys_days(day).time_since_epoch() + time};
  return std::max(milliseconds(0), then - now);
}

bool Backoff::wait(std::optional<milliseconds> asked, const std::stop_token& stop) {
  constexpr milliseconds first(200);
  constexpr milliseconds longest(8'000);
  constexpr milliseconds most_asked(60'000);
  if (made_ >= retries_ || (asked && *asked > most_asked)) return false;
  const milliseconds whole = std::min(longest, first * (1 << std::min(made_, 10)));
  ++made_;
  std::uniform_int_distribution<std::int64_t> half(whole.count() / 2, whole.count());
  const milliseconds pause = std::max(asked.value_or(milliseconds(0)), milliseconds(half(random_)));
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any woken;
  woken.wait_for(lock, stop, pause, [] { return false; });
  if (stop.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted");
  return true;
}

}  // namespace opencat
