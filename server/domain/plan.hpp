// SPDX-License-Identifier: MIT
// What many tokens have in common: limits, models, an end. Pure: time is passed in.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace opencat {

/// Tokens name it, so that a change of it is a change of them all. What it leaves open is the server's.
struct Plan {
  std::string name;
  std::string description;
  std::optional<std::int64_t> daily_limit;    ///< requests; 0 allows none
  std::optional<std::int64_t> monthly_limit;  ///< likewise
  std::optional<std::int64_t> per_minute;     ///< requests of a token in any 60 seconds; at least 1
  std::vector<std::string> models;            ///< that its tokens may ask; none: all
  std::string expires_at;                     ///< ISO 8601 UTC; from then on its tokens end. Empty: never
  bool from_file = false;                     ///< the configuration file has it, and it is changed there
};

/// 1 to 40 of a–z, 0–9, '-' and '_', the first no sign; and not "none", which says that there is no plan.
bool is_plan_name(std::string_view text);

/// A moment such as "2026-01-31T08:00:00Z", of the calendar.
bool is_moment(std::string_view text);

/// Whether the end that a plan sets has come; "" is none.
bool has_expired(const std::string& expires_at, std::chrono::sys_time<std::chrono::milliseconds> now);

/// The models as the stores keep them, a line for each, and back.
std::string joined_models(const std::vector<std::string>& models);
std::vector<std::string> split_models(std::string_view lines);
/// Whether the list, kept so, has the model; an empty one has all.
bool allows_model(std::string_view lines, std::string_view model);

}  // namespace opencat
