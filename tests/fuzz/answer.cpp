// SPDX-License-Identifier: MIT
// An upstream's answer: status, headers, body and what is wrong with it are the same for any cut of its
// bytes.
#include <string>
#include <string_view>

#include "opencat/http_response_reader.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace opencat;

namespace {

struct Answer {
  int status = 0;
  HttpHeaders headers;
  std::string body;
  bool complete = false;
  bool reusable = false;
  std::string failure;

  bool operator==(const Answer&) const = default;
};

template <class Cut>
Answer answer_of(std::string_view text, const Cut& cut) {
  HttpResponseReader reader;
  Answer answer;
  cut(text, [&](std::string_view part) {
    std::string piece(part);
    const std::string_view body = reader.feed(piece.data(), piece.size());
    FUZZ_CHECK(body.empty() || (body.data() == piece.data() && body.size() <= piece.size()));
    FUZZ_CHECK(body.empty() || reader.has_head());
    answer.body += body;
  });
  reader.end_of_input();
  FUZZ_CHECK(reader.complete() != !reader.failure().empty());
  answer.status = reader.has_head() ? reader.status() : 0;
  FUZZ_CHECK(!reader.complete() || (answer.status >= 200 && answer.status <= 999));
  answer.headers = reader.headers();
  answer.complete = reader.complete();
  answer.reusable = reader.complete() && reader.reusable();
  answer.failure = reader.failure();
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
