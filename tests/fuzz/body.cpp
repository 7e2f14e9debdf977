// SPDX-License-Identifier: MIT
// A client's JSON body and an upstream's answer: what is changed of a body is what was to be changed, every
// other member stays byte for byte; and nothing that a model says makes a count of tokens absurd.
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "server/upstream/endpoint.hpp"
#include "server/upstream/json_members.hpp"
#include "server/upstream/json_text.hpp"
#include "server/upstream/model_request.hpp"
#include "server/upstream/token_estimate.hpp"
#include "server/upstream/usage_meter.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace opencat;

namespace {

/// Nothing where it throws Error(usage), the one thing it may throw.
template <class Make>
auto unless_refused(const Make& make) -> std::optional<decltype(make())> {
  try {
    return make();
  } catch (const Error& error) {
    FUZZ_CHECK(error.kind() == ErrorKind::usage);
    return std::nullopt;
  }
}

/// The changed body has the same members, as they were written, but for those named.
void check_others_same(std::string_view before, std::string_view after, const nlohmann::json& parsed,
                       bool options_may_change) {
  const JsonMembers members(before);
  const JsonMembers changed(after);
  for (const auto& [name, value] : parsed.items()) {
    if (name == "model" || (name == "stream_options" && options_may_change)) continue;
    FUZZ_CHECK(members.find(name) && changed.find(name) == members.find(name));
  }
}

void check_members(std::string_view text, const nlohmann::json& parsed) {
  const auto members = unless_refused([&] { return JsonMembers(text); });
  if (!members) {
    FUZZ_CHECK(!parsed.is_object());
    return;
  }
  FUZZ_CHECK(is_json(text));
  FUZZ_CHECK(members->bytes() == text);
  JsonMembers changed = *members;
  changed.set("model", "\"other\"");
  changed.set("added \"by\" us", "[1,{\"a\":2}]");
  const std::string bytes = changed.bytes();
  const JsonMembers again(bytes);
  FUZZ_CHECK(again.find("model") == "\"other\"");
  FUZZ_CHECK(again.find("added \"by\" us") == "[1,{\"a\":2}]");
  if (!parsed.is_object()) return;
  check_others_same(text, bytes, parsed, false);
  nlohmann::json expected = parsed;
  expected["model"] = "other";
  expected["added \"by\" us"] = {1, {{"a", 2}}};
  FUZZ_CHECK(nlohmann::json::parse(bytes) == expected);
}

void check_request(const Endpoint& endpoint, std::string_view text, const nlohmann::json& parsed) {
  const auto request = unless_refused([&] { return ModelRequest(endpoint, text); });
  if (!request) return;
  FUZZ_CHECK(!request->model().empty());
  const auto body = unless_refused([&] { return request->body_for("its \"name\" there"); });
  if (!body) return;
  const ModelRequest again(endpoint, *body);
  FUZZ_CHECK(again.model() == "its \"name\" there");
  FUZZ_CHECK(again.stream() == request->stream());
  const bool asks = request->stream() && endpoint.has_usage_option;
  FUZZ_CHECK(again.wants_usage() == (asks || request->wants_usage()));
  if (parsed.is_object()) check_others_same(text, *body, parsed, asks);
}

void check_usage(const Usage& usage, std::size_t size) {
  // Three counts of Anthropic's are added up, and each is at most 10^12.
  FUZZ_CHECK(usage.prompt_tokens >= 0 &&
             usage.prompt_tokens <= 3'000'000'000'000 + static_cast<std::int64_t>(size));
  FUZZ_CHECK(usage.completion_tokens >= 0 &&
             usage.completion_tokens <= 1'000'000'000'000 + static_cast<std::int64_t>(size));
}

void check_meter(std::string_view text) {
  const auto bound = static_cast<std::int64_t>(text.size());
  for (const std::int64_t estimate :
       {estimated_tokens(text), estimated_prompt_tokens(text), estimated_answer_tokens(text)})
    FUZZ_CHECK(estimate >= 0 && estimate <= bound);
  UsageMeter chunks;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    chunks.see_chunk(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  UsageMeter whole;
  whole.see_answer(text);
  UsageMeter tail;
  tail.see_tail(text);
  for (const UsageMeter* meter : {&chunks, &whole, &tail}) {
    check_usage(meter->usage(text, true), text.size());
    check_usage(meter->usage(text, false), text.size());
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const nlohmann::json parsed = nlohmann::json::parse(text, nullptr, false);
  // What another parser takes, ours does: but for a byte order mark and a NUL at the end, which RFC 8259
  // forbids.
  if (!parsed.is_discarded() && text.substr(0, 3) != "\xEF\xBB\xBF" && text.find('\0') == text.npos) {
    FUZZ_CHECK(is_json(text));
    check_members(text, parsed);
  } else {
    check_members(text, nullptr);
  }
  for (const Endpoint& endpoint : json_endpoints()) {
    check_request(endpoint, text, parsed);
    meaning_of(endpoint.dialect, {"", text});
    meaning_of(endpoint.dialect, {"error", text});
  }
  check_meter(text);
  return 0;
}
