// SPDX-License-Identifier: MIT
// The calls of OpenAI's and Anthropic's APIs that are relayed, and how their streams are to be read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "opencat/error.hpp"
#include "server/upstream/sse_parser.hpp"

namespace opencat {

/// Whose words a stream speaks: what ends it, what says that it failed, where its usage stands.
enum class Dialect {
  openai,     ///< chunks, then "[DONE]": https://platform.openai.com/docs/api-reference/chat-streaming
  responses,  ///< typed events up to "response.completed": …/docs/api-reference/responses-streaming
  anthropic,  ///< typed events up to "message_stop": https://docs.anthropic.com/en/api/messages-streaming
};

/// One call that is relayed: its path below an upstream's base URL, and what its JSON body must hold.
struct Endpoint {
  std::string path;  ///< "/chat/completions"
  Dialect dialect;
  std::string required_list;  ///< a member that must be a list; empty: none
  bool may_stream = true;
  bool has_usage_option = false;  ///< takes stream_options.include_usage
  bool answers_bytes = false;     ///< a good answer passes through as it arrives, whatever it is
};

/// The calls with a JSON body.
const std::vector<Endpoint>& json_endpoints();
/// Those with a form, which may hold large files.
const std::vector<Endpoint>& form_endpoints();

enum class EventMeaning { content, end, failure };
EventMeaning meaning_of(Dialect dialect, const SseEvent& event);

/// The event that tells a client in the middle of a stream that it failed. In every dialect its data has the
/// protocol's `error`, beside what the dialect's own clients look for.
std::string failure_event(Dialect dialect, const Error& error);

}  // namespace opencat
