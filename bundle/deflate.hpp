// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "opencat/zip_format.hpp"

namespace opencat {

/// Bytes of its own that nobody filled with zeros first, as a std::string would: a runtime is 120 MB.
struct Buffer {
  std::unique_ptr<char[]> bytes;
  std::size_t size = 0;

  static Buffer of(std::size_t size) { return {std::make_unique_for_overwrite<char[]>(size), size}; }
  std::string_view view() const { return {bytes.get(), size}; }
};

/// A file's bytes as they stand in a zip.
struct Packed {
  zip::Method method = zip::Method::stored;
  std::uint32_t crc32 = 0;
  std::uint64_t size = 0;  ///< once unpacked
  Buffer data;
};

/// Deflates whole files. The same bytes give the same result, always; another release of the library may give
/// another. Not for use from two threads at once.
class Deflater {
 public:
  Deflater();
  /// What does not become smaller is stored. Takes up to twice the memory of `content`.
  Packed pack(Buffer content);

  /// Who deflates, and how hard: "libdeflate-1.14-6". Equal names, equal bytes.
  static const char* name();

 private:
  struct Free {
    void operator()(void* compressor) const;
  };
  std::unique_ptr<void, Free> compressor_;
};

}  // namespace opencat
