// SPDX-License-Identifier: MIT
#include "server/http/byte_range.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "opencat/text.hpp"

namespace opencat::http {

namespace {

/// Whether a list of entity tags, or "*", has this one. An ETag of ours holds no comma.
bool names(const std::string& list, const std::string& etag, bool weak_too) {
  const auto tags = split(list, ',');
  return std::any_of(tags.begin(), tags.end(), [&](const std::string& each) {
    std::string_view tag = trim(each);
    if (tag == "*") return true;
    if (weak_too && tag.substr(0, 2) == "W/") tag.remove_prefix(2);
    return tag == etag;
  });
}

/// All of `text` as a number. One too large for 64 bits is beyond every file, and so the largest there is.
std::optional<std::uint64_t> number(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc{}) return UINT64_MAX;
  return value;
}

RangeAnswer whole(std::uint64_t size) { return {200, 0, size, {}}; }

RangeAnswer unsatisfiable(std::uint64_t size) { return {416, 0, 0, "bytes */" + std::to_string(size)}; }

RangeAnswer part(std::uint64_t first, std::uint64_t last, std::uint64_t size) {
  return {206, first, last - first + 1,
          "bytes " + std::to_string(first) + "-" + std::to_string(last) + "/" + std::to_string(size)};
}

RangeAnswer answer_range_of(std::string_view text, std::uint64_t size) {
  constexpr std::string_view unit = "bytes=";
  if (lower(text.substr(0, unit.size())) != unit) return whole(size);
  text = trim(text.substr(unit.size()));
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos || text.find(',') != std::string_view::npos) return whole(size);
  const std::string_view from = text.substr(0, dash);
  const std::string_view to = text.substr(dash + 1);
  const auto first = number(from);
  const auto last = number(to);
  if (from.empty()) {
    if (!last) return whole(size);
    if (*last == 0 || size == 0) return unsatisfiable(size);
    return part(size - std::min(*last, size), size - 1, size);
  }
  if (!first || (!last && !to.empty()) || (last && *last < *first)) return whole(size);
  if (*first >= size) return unsatisfiable(size);
  return part(*first, std::min(last.value_or(size - 1), size - 1), size);
}

}  // namespace

RangeAnswer answer_range(const Request& request, const std::string& etag, std::uint64_t size) {
  const std::string* wanted = request.header("If-Match");
  if (wanted != nullptr && !names(*wanted, etag, false)) return {412, 0, 0, {}};
  const std::string* known = request.header("If-None-Match");
  if (known != nullptr && names(*known, etag, true)) return {304, 0, 0, {}};
  const std::string* range = request.header("Range");
  // Only GET has ranges (section 14.2).
  if (range == nullptr || request.method != "GET") return whole(size);
  const std::string* unchanged = request.header("If-Range");
  if (unchanged != nullptr && trim(*unchanged) != etag) return whole(size);
  return answer_range_of(*range, size);
}

bool is_known(const Request& request, const std::string& etag) {
  const std::string* list = request.header("If-None-Match");
  return list != nullptr && names(*list, etag, true);
}

}  // namespace opencat::http
