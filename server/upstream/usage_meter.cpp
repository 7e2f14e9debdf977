// SPDX-License-Identifier: MIT
#include "server/upstream/usage_meter.hpp"

#include <algorithm>
#include <optional>

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "server/upstream/json_members.hpp"
#include "server/upstream/token_estimate.hpp"

namespace opencat {

using Json = nlohmann::json;

namespace {

/// A count from outside: nothing negative, nothing absurd that could overflow a sum.
std::optional<std::int64_t> count_of(const Json& usage, const char* name) {
  const auto found = usage.find(name);
  if (found == usage.end() || !found->is_number()) return std::nullopt;
  return static_cast<std::int64_t>(std::clamp(found->get<double>(), 0.0, 1e12));
}

/// The usage object of a document: its own, or that of the message or response in it.
const Json* usage_in(const Json& document) {
  if (!document.is_object()) return nullptr;
  const auto object_in = [](const Json& holder, const char* name) -> const Json* {
    const auto found = holder.find(name);
    return found != holder.end() && found->is_object() ? &*found : nullptr;
  };
  if (const Json* usage = object_in(document, "usage")) return usage;
  for (const char* name : {"message", "response"}) {
    // One step and no further: nobody's usage stands deeper, and an event may be nested a million times.
    if (const Json* inner = object_in(document, name)) return object_in(*inner, "usage");
  }
  return nullptr;
}

}  // namespace

template <class AnyJson>
void UsageMeter::take(const AnyJson& usage) {
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
  if (data.find("\"usage\"") == std::string_view::npos) return Chunk::content;
  const Json chunk = Json::parse(data, nullptr, false);
  const Json* usage = usage_in(chunk);
  if (usage == nullptr) return Chunk::content;
  take(*usage);
  const auto choices = chunk.find("choices");
  return choices != chunk.end() && choices->is_array() && choices->empty() ? Chunk::usage_only
                                                                           : Chunk::content;
}

bool UsageMeter::see_answer(std::string_view body) try {
  // Only the one member is parsed: answers are long, and may hold numbers that no parser can.
  if (const auto found = JsonMembers(body).find("usage")) {
    const Json usage = Json::parse(*found, nullptr, false);
    if (usage.is_object()) take(usage);
  }
  if (!has_completion_) seen_tokens_ += estimated_answer_tokens(body);
  return true;
} catch (const Error&) {
  return false;
}

void UsageMeter::see_tail(std::string_view tail) {
  const std::size_t name = tail.rfind("\"usage\"");
  if (name == std::string_view::npos) return;
  const std::size_t begin = tail.find('{', name);
  // Objects within it (details) close before it does: the first end that makes a whole document is its own.
  for (std::size_t end = begin; end != std::string_view::npos && (end = tail.find('}', end)) != tail.npos;) {
    const Json usage = Json::parse(tail.substr(begin, ++end - begin), nullptr, false);
    if (usage.is_object()) return take(usage);
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
