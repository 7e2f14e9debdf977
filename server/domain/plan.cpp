// SPDX-License-Identifier: MIT
#include "server/domain/plan.hpp"

#include <algorithm>

namespace opencat {

namespace {

constexpr std::size_t max_name = 40;

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

/// The digits from `at`; they are known to be digits.
int number_at(std::string_view text, std::size_t at, std::size_t digits) {
  int number = 0;
  for (const char c : text.substr(at, digits)) number = number * 10 + (c - '0');
  return number;
}

}  // namespace

bool is_plan_name(std::string_view text) {
  return text != "none" && !text.empty() && text.size() <= max_name && is_letter_or_digit(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_'; });
}

namespace {

/// The moment that a text says; nothing for one that says none.
std::optional<std::chrono::sys_seconds> moment_of(std::string_view text) {
  constexpr std::string_view form = "dddd-dd-ddTdd:dd:ddZ";
  if (text.size() != form.size()) return std::nullopt;
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i]) return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year{number_at(text, 0, 4)},
                                         std::chrono::month{static_cast<unsigned>(number_at(text, 5, 2))},
                                         std::chrono::day{static_cast<unsigned>(number_at(text, 8, 2))}};
  const std::chrono::hours hours{number_at(text, 11, 2)};
  const std::chrono::minutes minutes{number_at(text, 14, 2)};
  const std::chrono::seconds seconds{number_at(text, 17, 2)};
  if (!date.ok() || hours.count() >= 24 || minutes.count() >= 60 || seconds.count() >= 60)
    return std::nullopt;
  return std::chrono::sys_days{date} + hours + minutes + seconds;
}

}  // namespace

bool is_moment(std::string_view text) { return moment_of(text).has_value(); }

bool has_expired(const std::string& expires_at, std::chrono::sys_time<std::chrono::milliseconds> now) {
  const auto moment = expires_at.empty() ? std::nullopt : moment_of(expires_at);
  return moment && *moment <= now;
}

std::string joined_models(const std::vector<std::string>& models) {
  std::string lines;
  for (const std::string& model : models) lines.append(lines.empty() ? "" : "\n").append(model);
  return lines;
}

std::vector<std::string> split_models(std::string_view lines) {
  std::vector<std::string> models;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    models.emplace_back(lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return models;
}

bool allows_model(std::string_view lines, std::string_view model) {
  if (lines.empty()) return true;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    if (lines.substr(0, end) == model) return true;
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return false;
}

}  // namespace opencat
