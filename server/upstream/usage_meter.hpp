// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace opencat {

/// Tokens of the language model, as an upstream reported them.
struct UsageReport {
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
};

/// Learns a request's usage from what passes through the relay. Reports are cumulative: the last one counts.
class UsageMeter {
 public:
  enum class Chunk { content, usage_only };

  /// Looks at one event's data (a chunk of a stream). `usage_only`: it carries usage and no choices, as the
  /// extra chunk of `stream_options.include_usage` does.
  Chunk see_chunk(std::string_view data);
  /// Looks at a whole answer; whether it is a JSON object.
  bool see_answer(std::string_view body);

  const std::optional<UsageReport>& report() const { return report_; }

 private:
  std::optional<UsageReport> report_;
};

}  // namespace opencat
