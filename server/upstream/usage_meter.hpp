// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>

namespace opencat {

class JsonMembers;

/// Tokens of the language model that a request used.
struct Usage {
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  /// No upstream reported (all of) it: it was reckoned from the text that passed.
  bool estimated = false;
};

/// Learns a request's usage from what passes through the relay. Reports are cumulative: of each number the
/// last one counts. Where an upstream reports nothing, the text that passed is what there is to go by.
class UsageMeter {
 public:
  enum class Chunk { content, usage_only };

  /// Looks at one event's data (a chunk of a stream). `usage_only`: it carries usage and no choices, as the
  /// extra chunk of `stream_options.include_usage` does.
  Chunk see_chunk(std::string_view data);
  /// Looks at a whole answer; whether it is a JSON object.
  bool see_answer(std::string_view body);
  /// Looks for a report in the last bytes of a long answer, most of which was not kept.
  void see_tail(std::string_view tail);

  /// What was used, as far as is known. `request_body` is reckoned with where no prompt tokens were reported.
  /// `whole`: the answer came to its end, so that a report in it is the last word.
  Usage usage(std::string_view request_body, bool whole) const;

 private:
  bool has_prompt_ = false;
  bool has_completion_ = false;
  std::int64_t prompt_ = 0;
  std::int64_t completion_ = 0;
  std::int64_t seen_tokens_ = 0;  ///< reckoned from the answer's text

  void take(const JsonMembers& usage);
};

}  // namespace opencat
