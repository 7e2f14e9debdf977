// SPDX-License-Identifier: MIT
// A form as it arrives: its model is found the same for any cut, where it says that it is. The input's first
// line is the Content-Type, the rest the body.
#include <algorithm>
#include <optional>
#include <string>

#include "opencat/error.hpp"
#include "server/upstream/multipart_model.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace opencat;

namespace {

struct Found {
  bool refused = false;
  std::string value;
  std::uint64_t offset = 0;
  bool operator==(const Found&) const = default;
};

template <class Cut>
Found find(MultipartModel form, std::string_view body, const Cut& cut) {
  try {
    cut(body, [&](std::string_view piece) { form.feed(piece); });
  } catch (const Error& error) {
    FUZZ_CHECK(error.kind() == ErrorKind::usage);
    return {true, {}, 0};
  }
  if (!form.field()) return {};
  return {false, form.field()->value, form.field()->offset};
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const std::size_t line_end = std::min(text.find('\n'), text.size());
  const std::string_view body = text.substr(std::min(line_end + 1, text.size()));
  std::optional<MultipartModel> form;
  try {
    form.emplace(text.substr(0, line_end));
  } catch (const Error& error) {
    FUZZ_CHECK(error.kind() == ErrorKind::usage);
    return 0;
  }
  const auto at_once = [](std::string_view bytes, const auto& on_piece) { on_piece(bytes); };
  const auto anyhow = [](std::string_view bytes, const auto& on_piece) { fuzz::cut_anyhow(bytes, on_piece); };
  const auto bytewise = [](std::string_view bytes, const auto& on_piece) {
    fuzz::byte_by_byte(bytes, on_piece);
  };
  const Found whole = find(*form, body, at_once);
  FUZZ_CHECK(find(*form, body, anyhow) == whole);
  FUZZ_CHECK(find(*form, body, bytewise) == whole);
  FUZZ_CHECK(body.substr(whole.offset, whole.value.size()) == whole.value);
  if (whole.refused || whole.offset > 0) return 0;

  // Where the field is missing it is put in, and then it is found there.
  MultipartModel seen = *form;
  seen.feed(body);
  const std::string part = form->part_for("some-model");
  const std::string boundary = part.substr(0, part.find("\r\n"));
  if (body.substr(std::min<std::size_t>(seen.part_offset(), body.size()), boundary.size()) != boundary)
    return 0;
  const Found added = find(*form, std::string(body).insert(seen.part_offset(), part), anyhow);
  FUZZ_CHECK(added.value == "some-model");
  return 0;
}
