// SPDX-License-Identifier: MIT
#include "opencat/zip_format.hpp"

#include <algorithm>
#include <chrono>

namespace opencat::zip {

namespace {

constexpr std::uint32_t local_signature = 0x04034b50;
constexpr std::uint32_t directory_signature = 0x02014b50;
constexpr std::uint32_t end_signature = 0x06054b50;
constexpr std::uint32_t end64_signature = 0x06064b50;
constexpr std::uint32_t locator64_signature = 0x07064b50;
/// As elsewhere32, of 16 bits.
constexpr std::uint16_t elsewhere16 = 0xffff;

constexpr std::uint16_t version_deflate = 20;
constexpr std::uint16_t version_zip64 = 45;
constexpr std::uint16_t made_by_unix = 3 << 8;
constexpr std::uint16_t flag_utf8 = 1 << 11;
constexpr std::uint32_t regular_file = 0100000;

/// Little-endian numbers, one after the other.
class Record {
 public:
  Record& u16(std::uint64_t value) { return put(value, 2); }
  Record& u32(std::uint64_t value) { return put(value, 4); }
  Record& u64(std::uint64_t value) { return put(value, 8); }
  Record& text(const std::string& text) {
    bytes_ += text;
    return *this;
  }
  std::string take() { return std::move(bytes_); }

 private:
  Record& put(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) bytes_ += static_cast<char>(value >> (8 * i) & 0xff);
    return *this;
  }
  std::string bytes_;
};

bool fits(std::uint64_t value) { return value < elsewhere32; }
std::uint64_t or_elsewhere(std::uint64_t value) { return fits(value) ? value : elsewhere32; }

bool has_large_size(const Entry& entry) { return !fits(entry.packed_size) || !fits(entry.size); }

/// What the local header and the central directory say alike, from the version to the CRC.
void common_part(Record& record, const Entry& entry, bool zip64) {
  record.u16(zip64 ? version_zip64 : version_deflate).u16(flag_utf8);
  record.u16(static_cast<std::uint16_t>(entry.method)).u16(entry.time.time).u16(entry.time.date);
  record.u32(entry.crc32);
}

}  // namespace

DosTime dos_time(Time moment) {
  using namespace std::chrono;
  const auto day = floor<days>(moment);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(moment - day));
  const int years = int(date.year()) - 1980;
  if (years < 0) return {};
  const auto word = [](long value) { return static_cast<std::uint16_t>(value); };
  return {word(clock.hours().count() << 11 | clock.minutes().count() << 5 | clock.seconds().count() / 2),
          word(years << 9 | static_cast<long>(unsigned(date.month())) << 5 |
               static_cast<long>(unsigned(date.day())))};
}

std::string local_header(const Entry& entry) {
  // Section 4.5.3: a local header's zip64 field must hold both sizes.
  const bool large = has_large_size(entry);
  Record record;
  record.u32(local_signature);
  common_part(record, entry, large);
  record.u32(large ? elsewhere32 : entry.packed_size).u32(large ? elsewhere32 : entry.size);
  record.u16(entry.name.size()).u16(large ? 20 : 0).text(entry.name);
  if (large) record.u16(zip64_extra).u16(16).u64(entry.size).u64(entry.packed_size);
  return record.take();
}

std::string directory_record(const Entry& entry) {
  Record extra;
  const bool large = has_large_size(entry);
  if (large) extra.u64(entry.size).u64(entry.packed_size);
  if (!fits(entry.offset)) extra.u64(entry.offset);
  std::string fields = extra.take();
  Record record;
  record.u32(directory_signature).u16(made_by_unix | version_zip64);
  common_part(record, entry, large);
  record.u32(large ? elsewhere32 : entry.packed_size).u32(large ? elsewhere32 : entry.size);
  record.u16(entry.name.size()).u16(fields.empty() ? 0 : fields.size() + 4);
  // No comment; on the first disk; no internal attributes.
  record.u16(0).u16(0).u16(0).u32((regular_file | entry.mode) << 16);
  record.u32(or_elsewhere(entry.offset)).text(entry.name);
  if (!fields.empty()) record.u16(zip64_extra).u16(fields.size()).text(fields);
  return record.take();
}

std::string end_of_directory(std::uint64_t entries, std::uint64_t size, std::uint64_t offset) {
  Record record;
  if (entries >= elsewhere16 || !fits(size) || !fits(offset)) {
    record.u32(end64_signature).u64(44).u16(made_by_unix | version_zip64).u16(version_zip64);
    record.u32(0).u32(0).u64(entries).u64(entries).u64(size).u64(offset);
    record.u32(locator64_signature).u32(0).u64(offset + size).u32(1);
  }
  const std::uint64_t count = std::min<std::uint64_t>(entries, elsewhere16);
  record.u32(end_signature).u16(0).u16(0).u16(count).u16(count);
  record.u32(or_elsewhere(size)).u32(or_elsewhere(offset)).u16(0);
  return record.take();
}

}  // namespace opencat::zip
