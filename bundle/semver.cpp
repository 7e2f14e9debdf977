// SPDX-License-Identifier: MIT
#include "bundle/semver.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "opencat/text.hpp"

namespace opencat {

namespace {

constexpr Version no_limit{std::numeric_limits<int>::max(), 0, 0};

/// The numbers of "22", "22.14" or "22.14.0", of which "x" and "*" end the list.
std::optional<std::vector<int>> parse_numbers(std::string_view text) {
  if (!text.empty() && text.front() == 'v') text.remove_prefix(1);
  std::vector<int> numbers;
  if (text.empty()) return numbers;
  const std::vector<std::string> parts = split(text, '.');
  if (parts.size() > 3) return std::nullopt;
  for (const std::string& part : parts) {
    if (part == "x" || part == "X" || part == "*") break;
    int number = 0;
    const auto [end, problem] = std::from_chars(part.data(), part.data() + part.size(), number);
    // A million is no version's number, and 2^31 - 1 could not be counted up.
    if (problem != std::errc{} || end != part.data() + part.size() || number < 0 || number > 1'000'000) {
      return std::nullopt;
    }
    numbers.push_back(number);
  }
  return numbers;
}

Version filled(const std::vector<int>& numbers) {
  Version version;
  if (!numbers.empty()) version.major = numbers[0];
  if (numbers.size() > 1) version.minor = numbers[1];
  if (numbers.size() > 2) version.patch = numbers[2];
  return version;
}

/// The first version after all that begin with the first `kept` of the numbers.
Version after(const std::vector<int>& numbers, std::size_t kept) {
  if (kept == 0) return no_limit;
  const Version version = filled(numbers);
  if (kept == 1) return {version.major + 1, 0, 0};
  if (kept == 2) return {version.major, version.minor + 1, 0};
  return {version.major, version.minor, version.patch + 1};
}

/// How many numbers "^" holds fast: those up to the first that is not zero.
std::size_t caret_keeps(const std::vector<int>& numbers) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] != 0) return i + 1;
  }
  return numbers.size();
}

}  // namespace

std::string Version::text() const { return fmt::format("{}.{}.{}", major, minor, patch); }

std::optional<Version> parse_version(std::string_view text) {
  const auto numbers = parse_numbers(text);
  if (!numbers || numbers->size() != 3) return std::nullopt;
  return filled(*numbers);
}

std::optional<VersionRange::Span> VersionRange::parse_comparator(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("^~<>="), text.size());
  const std::string_view sign = text.substr(0, digits);
  const auto numbers = parse_numbers(text.substr(digits));
  if (!numbers) return std::nullopt;
  const Version from = filled(*numbers);
  const std::size_t size = numbers->size();
  if (sign.empty() || sign == "=") return Span{from, after(*numbers, size)};
  if (sign == "^") return Span{from, after(*numbers, caret_keeps(*numbers))};
  if (sign == "~") return Span{from, after(*numbers, std::min<std::size_t>(size, 2))};
  if (sign == ">=") return Span{from, no_limit};
  if (sign == ">") return Span{after(*numbers, size), no_limit};
  if (sign == "<") return Span{{}, from};
  if (sign == "<=") return Span{{}, after(*numbers, size)};
  return std::nullopt;
}

/// "18.17 - 20": from 18.17.0 to all of 20.
std::optional<VersionRange::Span> VersionRange::parse_hyphen(std::string_view from, std::string_view to) {
  const auto low = parse_numbers(trim(from));
  const auto high = parse_numbers(trim(to));
  if (!low || !high || low->empty() || high->empty()) return std::nullopt;
  return Span{filled(*low), after(*high, high->size())};
}

std::optional<VersionRange::Span> VersionRange::parse_all_of(std::string_view text) {
  const std::size_t hyphen = text.find(" - ");
  if (hyphen != text.npos) return parse_hyphen(text.substr(0, hyphen), text.substr(hyphen + 3));
  Span all{{}, no_limit};
  std::string sign;
  for (const std::string& word : split(text, ' ')) {
    if (word.empty()) continue;
    // ">= 20" is one comparator, too.
    if (word.find_first_not_of("^~<>=") == std::string::npos) {
      sign = word;
      continue;
    }
    const auto span = parse_comparator(sign + word);
    if (!span) return std::nullopt;
    all.from = std::max(all.from, span->from);
    all.below = std::min(all.below, span->below);
    sign.clear();
  }
  return all;
}

std::optional<VersionRange> VersionRange::parse(std::string_view text) {
  VersionRange range;
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = text.find("||", begin);
    const auto span = parse_all_of(text.substr(begin, end == text.npos ? text.npos : end - begin));
    if (!span) return std::nullopt;
    range.any_of_.push_back(*span);
    if (end == text.npos) return range;
    begin = end + 2;
  }
}

bool VersionRange::contains(const Version& version) const {
  return std::any_of(any_of_.begin(), any_of_.end(),
                     [&](const Span& span) { return span.from <= version && version < span.below; });
}

}  // namespace opencat
