// SPDX-License-Identifier: MIT
// How many tokens a text is about, where no upstream says it. Rough on purpose: a tokenizer per model would
// be megabytes of tables for numbers that are marked as estimates anyway.
#pragma once

#include <cstdint>
#include <string_view>

namespace opencat {

/// Four bytes of ASCII are about one token, and so is one other character (OpenAI's rule of thumb for
/// English; Chinese characters are between 0.6 and 1.5 tokens each in current vocabularies).
std::int64_t estimated_tokens(std::string_view text);

/// Of all texts in a JSON request, but for names and data: URLs (a picture's bytes are no text).
std::int64_t estimated_prompt_tokens(std::string_view json);

/// Of the answer's text in one event or whole answer: the values of "content", "text", "delta", "arguments"
/// and the like. `json` need not be valid.
std::int64_t estimated_answer_tokens(std::string_view json);

}  // namespace opencat
