// SPDX-License-Identifier: MIT
#include "server/upstream/usage_meter.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "server/upstream/json_members.hpp"

namespace opencat {

using Json = nlohmann::json;

namespace {

/// A count from outside: nothing negative, nothing absurd that could overflow a sum.
std::int64_t count_of(const Json& usage, const char* name) {
  const auto found = usage.find(name);
  if (found == usage.end() || !found->is_number()) return 0;
  return static_cast<std::int64_t>(std::clamp(found->get<double>(), 0.0, 1e12));
}

std::optional<UsageReport> report_in(const Json& document) {
  const auto usage = document.find("usage");
  if (usage == document.end() || !usage->is_object()) return std::nullopt;
  return UsageReport{count_of(*usage, "prompt_tokens"), count_of(*usage, "completion_tokens")};
}

}  // namespace

UsageMeter::Chunk UsageMeter::see_chunk(std::string_view data) {
  // Most chunks carry a few characters and no usage: they are not parsed for it.
  if (data.find("\"usage\"") == std::string_view::npos) return Chunk::content;
  const Json chunk = Json::parse(data, nullptr, false);
  if (!chunk.is_object()) return Chunk::content;
  const auto report = report_in(chunk);
  if (!report) return Chunk::content;
  report_ = report;
  const auto choices = chunk.find("choices");
  return choices != chunk.end() && choices->is_array() && choices->empty() ? Chunk::usage_only
                                                                           : Chunk::content;
}

bool UsageMeter::see_answer(std::string_view body) try {
  // Only the one member is parsed: answers are long, and may hold numbers that no parser can.
  if (const auto usage = JsonMembers(body).find("usage")) {
    report_ = report_in(Json{{"usage", Json::parse(*usage, nullptr, false)}});
  }
  return true;
} catch (const Error&) {
  return false;
}

}  // namespace opencat
