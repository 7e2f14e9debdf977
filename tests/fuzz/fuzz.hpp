// SPDX-License-Identifier: MIT
// What the fuzz targets share. Each defines LLVMFuzzerTestOneInput(), as libFuzzer calls it
// (https://llvm.org/docs/LibFuzzer.html#fuzz-target), and ends the process where a promise is broken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

/// Like assert(), in every build.
#define FUZZ_CHECK(condition)                                                      \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                \
    }                                                                              \
  } while (false)

namespace opencat::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Cuts a text into pieces of 1 to 17 bytes, the same for the same text.
template <class OnPiece>
void cut_anyhow(std::string_view text, const OnPiece& on_piece) {
  std::uint32_t state = 2166136261u;
  for (const char c : text) state = (state ^ static_cast<unsigned char>(c)) * 16777619u;
  while (!text.empty()) {
    state = state * 1664525u + 1013904223u;
    const std::string_view piece = text.substr(0, 1 + (state >> 16) % 17);
    on_piece(piece);
    text.remove_prefix(piece.size());
  }
}

template <class OnPiece>
void byte_by_byte(std::string_view text, const OnPiece& on_piece) {
  for (std::size_t i = 0; i < text.size(); ++i) on_piece(text.substr(i, 1));
}

}  // namespace opencat::fuzz
