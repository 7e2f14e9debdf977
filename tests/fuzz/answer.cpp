// SPDX-License-Identifier: MIT
// An upstream's answer: status, headers, body and what is wrong with it are the same for any cut of its
// bytes.
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz.hpp"
#include "tests/opencat/read_answer.hpp"

using namespace opencat;

namespace {

using Answer = ReadAnswer;

template <class Cut>
Answer answer_of(std::string_view text, const Cut& cut) {
  HttpResponseReader reader;
  std::string all;
  cut(text, [&](std::string_view part) {
    std::string piece(part);
    const std::string_view body = reader.feed(piece.data(), piece.size());
    FUZZ_CHECK(body.empty() || (body.data() == piece.data() && body.size() <= piece.size()));
    FUZZ_CHECK(body.empty() || reader.has_head());
    all += body;
  });
  reader.end_of_input();
  FUZZ_CHECK(reader.complete() != !reader.failure().empty());
  Answer answer = read_answer(reader, std::move(all));
  FUZZ_CHECK(!answer.complete || (answer.status >= 200 && answer.status <= 999));
  return answer;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const auto at_once = [](std::string_view bytes, const auto& on_piece) { on_piece(bytes); };
  const auto anyhow = [](std::string_view bytes, const auto& on_piece) { fuzz::cut_anyhow(bytes, on_piece); };
  const auto bytewise = [](std::string_view bytes, const auto& on_piece) {
    fuzz::byte_by_byte(bytes, on_piece);
  };
  const Answer whole = answer_of(text, at_once);
  FUZZ_CHECK(answer_of(text, anyhow) == whole);
  FUZZ_CHECK(answer_of(text, bytewise) == whole);
  return 0;
}
