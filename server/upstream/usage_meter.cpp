// SPDX-License-Identifier: MIT
#include "server/upstream/usage_meter.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "opencat/error.hpp"
#include "opencat/text.hpp"
#include "server/upstream/json_members.hpp"
#include "server/upstream/json_text.hpp"
#include "server/upstream/token_estimate.hpp"

namespace opencat {

namespace {

/// A count from outside: nothing negative, nothing absurd that could overflow a sum.
std::optional<std::int64_t> count_of(const JsonMembers& usage, std::string_view name) {
  const std::string_view text = usage.find(name).value_or("");
  double number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return static_cast<std::int64_t>(std::clamp(number, 0.0, 1e12));
}

/// Nothing for what is no object, and for one with names that are no Unicode: it tells of no usage.
std::optional<JsonMembers> object(std::string_view text) try {
  return JsonMembers(text);
} catch (const Error&) {
  return std::nullopt;
}

std::optional<JsonMembers> object_in(const JsonMembers& holder, std::string_view name) {
  const auto text = holder.find(name);
  return text ? object(*text) : std::nullopt;
}

/// The usage object of a document: its own, or that of the message or response in it.
std::optional<JsonMembers> usage_in(const JsonMembers& document) {
  if (auto usage = object_in(document, "usage")) return usage;
  for (const std::string_view name : {"message", "response"}) {
    // One step and no further: nobody's usage stands deeper, and an event may be nested a million times.
    if (const auto inner = object_in(document, name)) return object_in(*inner, "usage");
  }
  return std::nullopt;
}

bool is_empty_array(std::optional<std::string_view> json) {
  return json && json->front() == '[' && trim(json->substr(1)) == "]";
}

}  // namespace

void UsageMeter::take(const JsonMembers& usage) {
  if (const auto prompt = count_of(usage, "prompt_tokens")) {
    prompt_ = *prompt;
    has_prompt_ = true;
  } else if (const auto input = count_of(usage, "input_tokens")) {
    // Anthropic counts what came from its cache, or went there, beside the rest. Its last events may say 0.
    const std::int64_t all = *input + count_of(usage, "cache_creation_input_tokens").value_or(0) +
                             count_of(usage, "cache_read_input_tokens").value_or(0);
    if (all > 0 || !has_prompt_) prompt_ = all;
    has_prompt_ = true;
  }
  auto completion = count_of(usage, "completion_tokens");
  if (!completion) completion = count_of(usage, "output_tokens");
  if (!completion) return;
  completion_ = *completion;
  has_completion_ = true;
}

UsageMeter::Chunk UsageMeter::see_chunk(std::string_view data) {
  seen_tokens_ += estimated_answer_tokens(data);
  // Most chunks carry a few characters and no usage: they are not parsed for it.
  if (!may_have_member(data, "usage\"")) return Chunk::content;
  const auto chunk = object(data);
  const auto usage = chunk ? usage_in(*chunk) : std::nullopt;
  if (!usage) return Chunk::content;
  take(*usage);
  return is_empty_array(chunk->find("choices")) ? Chunk::usage_only : Chunk::content;
}

bool UsageMeter::see_answer(std::string_view body) {
  const auto answer = object(body);
  if (!answer) return false;
  if (const auto usage = object_in(*answer, "usage")) take(*usage);
  if (!has_completion_) seen_tokens_ += estimated_answer_tokens(body);
  return true;
}

void UsageMeter::see_tail(std::string_view tail) {
  const std::size_t name = tail.rfind("\"usage\"");
  if (name == std::string_view::npos) return;
  const std::size_t begin = tail.find('{', name);
  // Objects within it (details) close before it does: the first end that makes a whole document is its own.
  for (std::size_t end = begin; end != std::string_view::npos && (end = tail.find('}', end)) != tail.npos;) {
    const std::string_view usage = tail.substr(begin, ++end - begin);
    if (is_json(usage)) {
      if (const auto members = object(usage)) take(*members);
      return;
    }
  }
}

Usage UsageMeter::usage(std::string_view request_body, bool whole) const {
  Usage usage{prompt_, completion_, false};
  if (!has_prompt_) usage.prompt_tokens = estimated_prompt_tokens(request_body);
  // A number that came before the end tells of the tokens before it: more may have passed since.
  const bool final_count = has_completion_ && whole;
  if (!final_count) usage.completion_tokens = std::max(completion_, seen_tokens_);
  usage.estimated = !has_prompt_ || (!final_count && usage.completion_tokens > completion_) ||
                    (!final_count && !has_completion_);
  return usage;
}

}  // namespace opencat
