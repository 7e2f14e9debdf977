// SPDX-License-Identifier: MIT
// An upstream's stream: any cut of its bytes gives the same events, and what we write of them reads back the
// same.
#include <string>
#include <utility>
#include <vector>

#include "server/upstream/sse_parser.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace opencat;

namespace {

using Events = std::vector<std::pair<std::string, std::string>>;

template <class Feed>
Events events_of(const Feed& feed) {
  Events events;
  SseParser parser([&](const SseEvent& event) { events.emplace_back(event.type, event.data); });
  feed(parser);
  parser.finish();
  return events;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const Events whole = events_of([&](SseParser& parser) { parser.feed(text); });
  const auto in_pieces = [](auto cut, std::string_view bytes) {
    return events_of(
        [&](SseParser& parser) { cut(bytes, [&](std::string_view piece) { parser.feed(piece); }); });
  };
  const auto anyhow = [](std::string_view bytes, const auto& on_piece) { fuzz::cut_anyhow(bytes, on_piece); };
  const auto bytewise = [](std::string_view bytes, const auto& on_piece) {
    fuzz::byte_by_byte(bytes, on_piece);
  };
  FUZZ_CHECK(in_pieces(anyhow, text) == whole);
  FUZZ_CHECK(in_pieces(bytewise, text) == whole);

  std::string written;
  for (const auto& [type, content] : whole) written += sse_bytes({type, content});
  FUZZ_CHECK(in_pieces(anyhow, written) == whole);
  return 0;
}
