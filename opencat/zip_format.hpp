// SPDX-License-Identifier: MIT
// The records of a zip file, as PKWARE's APPNOTE.TXT 6.3.10 describes them (sections 4.3.7, 4.3.12 to 4.3.16,
// 4.5.3): https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
#pragma once

#include <cstdint>
#include <string>

#include "opencat/clock.hpp"

namespace opencat::zip {

enum class Method : std::uint16_t { stored = 0, deflated = 8 };

/// The extra field of sizes and offsets beyond 32 bits (section 4.5.3), and what stands in their usual places
/// then.
constexpr std::uint16_t zip64_extra = 1;
constexpr std::uint32_t elsewhere32 = 0xffffffff;

/// MS-DOS's two words: seconds / 2, minutes, hours; day, month, years since 1980.
struct DosTime {
  std::uint16_t time = 0;
  std::uint16_t date = (1 << 5) | 1;  ///< 1980-01-01, the first that a zip can say
  bool operator==(const DosTime&) const = default;
};
/// That moment in UTC, cut to an even second; what is before 1980 becomes its first moment.
DosTime dos_time(Time moment);

/// A plain file inside a zip.
struct Entry {
  std::string name;      ///< UTF-8 with forward slashes
  unsigned mode = 0644;  ///< UNIX permission bits
  DosTime time;
  Method method = Method::stored;
  std::uint32_t crc32 = 0;        ///< of the unpacked bytes
  std::uint64_t packed_size = 0;  ///< bytes in the zip
  std::uint64_t size = 0;         ///< bytes once unpacked
  std::uint64_t offset = 0;       ///< of its local header
};

// Every record below says: made by UNIX, name in UTF-8, sizes before the data (no data descriptor), no extra
// field but zip64's, and that one only where a size or offset does not fit 32 bits.

/// What stands before the entry's packed bytes.
std::string local_header(const Entry& entry);
/// Its line in the central directory.
std::string directory_record(const Entry& entry);
/// What stands behind the central directory of `entries` lines and `size` bytes that begins at `offset`.
std::string end_of_directory(std::uint64_t entries, std::uint64_t size, std::uint64_t offset);

}  // namespace opencat::zip
