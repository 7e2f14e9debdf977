// SPDX-License-Identifier: MIT
// Sections of PKWARE's APPNOTE.TXT are named where a rule comes from one.
#include "opencat/zip_directory.hpp"

#include <algorithm>

#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat::zip {

namespace {

constexpr std::uint64_t end_size = 22;
constexpr std::uint64_t locator64_size = 20;
constexpr std::uint64_t end64_size = 56;
constexpr std::uint64_t local_size = 30;
constexpr std::uint64_t directory_record_size = 46;
constexpr std::uint64_t longest_comment = 0xffff;
constexpr std::uint64_t largest_directory = 64ull << 20;

constexpr std::uint16_t flag_descriptor = 1 << 3;
/// Two bits that say how hard the deflater tried, the descriptor's, and UTF-8's (section 4.4.4).
constexpr std::uint16_t known_flags = 6 | flag_descriptor | 1 << 11;
constexpr std::uint16_t extra_unicode_path = 0x7075;  // section 4.6.9

/// Takes numbers and texts from the front of a record; throws std::out_of_range beyond its end.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}
  std::uint64_t number(int bytes) {
    std::uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) {
      value |=
          static_cast<std::uint64_t>(static_cast<unsigned char>(bytes_.at(at_ + static_cast<std::size_t>(i))))
          << (8 * i);
    }
    at_ += static_cast<std::size_t>(bytes);
    return value;
  }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  std::string_view text(std::size_t count) {
    if (count > bytes_.size() - at_) throw std::out_of_range("text");
    const std::string_view found = bytes_.substr(at_, count);
    at_ += count;
    return found;
  }
  bool at_end() const { return at_ == bytes_.size(); }
  std::string_view rest() const { return bytes_.substr(at_); }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

struct Directory {
  std::uint64_t entries = 0;
  std::uint64_t size = 0;
  std::uint64_t offset = 0;
};

/// What a local header says, and a directory record before its offset.
struct Description {
  std::uint16_t flags = 0;
  ListedEntry entry;
  std::size_t name_size = 0;
  std::size_t extra_size = 0;

  /// From the flags to the extra field's size: the two are laid out alike there (4.3.7 and 4.3.12).
  explicit Description(Cursor& from) {
    flags = from.u16();
    entry.method = static_cast<Method>(from.u16());
    entry.time.time = from.u16();
    entry.time.date = from.u16();
    entry.crc32 = from.u32();
    entry.packed_size = from.u32();
    entry.size = from.u32();
    name_size = from.u16();
    extra_size = from.u16();
  }
};

class DirectoryReader {
 public:
  DirectoryReader(const InputFile& file, const std::string& title) : file_(file), title_(title) {}

  std::vector<ListedEntry> read(std::uint64_t max_entries);

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(ErrorKind::integrity, title_ + " is refused: " + printable(why));
  }
  Directory find_directory() const;
  Directory read_zip64_end(std::uint64_t locator_at, const Directory& plain) const;
  Description read_record(Cursor& from) const;
  /// Puts what the extra fields say into the entry: sizes and, in the directory, the offset that did not fit.
  void apply_extra(std::string_view extra, Entry& entry, bool with_offset) const;
  /// Checks the local header against the directory's record; gives back where the entry's bytes end.
  std::uint64_t check_local(const Description& listed, ListedEntry& entry) const;
  std::uint64_t descriptor_end(const ListedEntry& entry, std::uint64_t at) const;
  std::string read_up_to(std::uint64_t offset, std::uint64_t count) const {
    const std::uint64_t there = offset < file_.size() ? file_.size() - offset : 0;
    return file_.read(std::min(offset, file_.size()), std::min(count, there));
  }

  const InputFile& file_;
  const std::string& title_;
};

Directory DirectoryReader::find_directory() const {
  const std::uint64_t tail_size = std::min(file_.size(), end_size + longest_comment);
  const std::uint64_t tail_at = file_.size() - tail_size;
  const std::string tail = file_.read(tail_at, tail_size);
  // The last of them: a comment that holds another would make readers disagree, and so fails below.
  const std::size_t found = tail.rfind("PK\5\6");
  if (found == std::string::npos || tail.size() - found < end_size) refuse("it is damaged or no archive");
  Cursor from(std::string_view(tail).substr(found + 4));
  const bool one_disk = from.u16() == 0 && from.u16() == 0;
  const std::uint64_t here = from.u16();
  Directory directory;
  directory.entries = from.u16();
  directory.size = from.u32();
  directory.offset = from.u32();
  if (!one_disk || here != directory.entries) refuse("it is one part of several");
  if (from.u16() != from.rest().size()) refuse("there is more behind its end");
  std::uint64_t end_at = tail_at + found;
  if (end_at >= locator64_size && file_.read(end_at - locator64_size, 4) == "PK\6\7") {
    directory = read_zip64_end(end_at - locator64_size, directory);
    end_at -= locator64_size + end64_size;
  }
  if (directory.offset > end_at || directory.size != end_at - directory.offset) {
    refuse("its directory is not where it should be");
  }
  return directory;
}

Directory DirectoryReader::read_zip64_end(std::uint64_t locator_at, const Directory& plain) const {
  const std::string locator = file_.read(locator_at, locator64_size);
  Cursor place(std::string_view(locator).substr(4));
  const bool first_disk = place.u32() == 0;
  const std::uint64_t end_at = place.u64();
  if (!first_disk || place.u32() != 1) refuse("it is one part of several");
  if (locator_at < end64_size || end_at != locator_at - end64_size) {
    refuse("its directory is not where it should be");
  }
  const std::string bytes = file_.read(end_at, end64_size);
  Cursor from(bytes);
  const bool is_end = from.text(4) == "PK\6\6" && from.u64() == end64_size - 12;
  from.text(4);  // versions
  const bool one_disk = from.u32() == 0 && from.u32() == 0;
  const std::uint64_t here = from.u64();
  Directory directory;
  directory.entries = from.u64();
  directory.size = from.u64();
  directory.offset = from.u64();
  const auto agrees = [](std::uint64_t small, std::uint64_t large, std::uint64_t elsewhere) {
    return small == large || small == elsewhere;
  };
  const bool same = here == directory.entries && agrees(plain.entries, directory.entries, 0xffff) &&
                    agrees(plain.size, directory.size, elsewhere32) &&
                    agrees(plain.offset, directory.offset, elsewhere32);
  if (!is_end || !one_disk || !same) refuse("its two ends disagree");
  return directory;
}

void DirectoryReader::apply_extra(std::string_view extra, Entry& entry, bool with_offset) const {
  Cursor fields(extra);
  bool zip64_seen = false;
  while (!fields.at_end()) {
    const std::uint16_t id = fields.u16();
    const std::size_t size = fields.u16();
    Cursor field(fields.text(size));
    if (id == zip64_extra) {
      // Only what does not fit is there, in this order (section 4.5.3). Twice would be a choice for readers.
      if (zip64_seen) refuse("its entry '" + entry.name + "' has two sizes");
      zip64_seen = true;
      if (entry.size == elsewhere32) entry.size = field.u64();
      if (entry.packed_size == elsewhere32) entry.packed_size = field.u64();
      if (with_offset && entry.offset == elsewhere32) entry.offset = field.u64();
    } else if (id == extra_unicode_path) {
      field.text(5);  // its version, and the CRC of the name that it stands for
      if (field.rest() != entry.name) refuse("its entry '" + entry.name + "' has two names");
    }
  }
}

Description DirectoryReader::read_record(Cursor& from) const {
  if (from.text(4) != "PK\1\2") refuse("its directory is damaged");
  const std::uint16_t made_by = from.u16();
  from.text(2);  // the version that is needed to unpack it
  Description listed(from);
  const std::size_t comment_size = from.u16();
  const bool first_disk = from.u16() == 0;
  from.text(2);  // internal attributes
  const std::uint32_t attributes = from.u32();
  ListedEntry& entry = listed.entry;
  if (made_by >> 8 == 3) {
    entry.mode = attributes >> 16 & 0777;
    entry.unix_kind = attributes >> 16 & 0170000;
  }
  entry.offset = from.u32();
  entry.name = from.text(listed.name_size);
  const std::string_view extra = from.text(listed.extra_size);
  from.text(comment_size);
  apply_extra(extra, entry, true);
  const bool known = (listed.flags & ~known_flags) == 0 &&
                     (entry.method == Method::stored || entry.method == Method::deflated);
  if (!known) refuse("its entry '" + entry.name + "' is encrypted or packed in an unknown way");
  if (!first_disk) refuse("it is one part of several");
  if (entry.method == Method::stored && entry.packed_size != entry.size) {
    refuse("its entry '" + entry.name + "' has two sizes");
  }
  return listed;
}

std::uint64_t DirectoryReader::check_local(const Description& listed, ListedEntry& entry) const {
  const std::string bytes = read_up_to(entry.offset, local_size + listed.name_size + 0xffff);
  Cursor from(bytes);
  if (from.text(4) != "PK\3\4") refuse("its entry '" + entry.name + "' is not where it should be");
  from.text(2);  // the version that is needed to unpack it
  Description local(from);
  local.entry.name = from.text(local.name_size);
  apply_extra(from.text(local.extra_size), local.entry, false);
  const bool later = (local.flags & flag_descriptor) != 0;
  const auto agrees = [&](std::uint64_t here, std::uint64_t there) {
    return here == there || (later && here == 0);
  };
  const bool same = local.entry.name == entry.name && local.flags == listed.flags &&
                    local.entry.method == entry.method && agrees(local.entry.crc32, entry.crc32) &&
                    agrees(local.entry.packed_size, entry.packed_size) &&
                    agrees(local.entry.size, entry.size);
  if (!same) refuse("its entry '" + entry.name + "' is described in two ways");
  entry.data_offset = entry.offset + local_size + local.name_size + local.extra_size;
  if (entry.packed_size > file_.size()) refuse("its entry '" + entry.name + "' ends too late");
  const std::uint64_t end = entry.data_offset + entry.packed_size;
  entry.sized_behind = later;
  return later ? descriptor_end(entry, end) : end;
}

std::uint64_t DirectoryReader::descriptor_end(const ListedEntry& entry, std::uint64_t at) const {
  // Its signature may be missing, and its sizes have four bytes or, with zip64, eight (section 4.3.9).
  const std::string bytes = read_up_to(at, 24);
  for (const std::string_view signature : {"PK\7\10", ""}) {
    for (const int size : {4, 8}) {
      try {
        Cursor from(bytes);
        if (from.text(signature.size()) != signature || from.u32() != entry.crc32) continue;
        if (from.number(size) != entry.packed_size || from.number(size) != entry.size) continue;
        return at + bytes.size() - from.rest().size();
      } catch (const std::out_of_range&) {
        continue;
      }
    }
  }
  refuse("its entry '" + entry.name + "' is described in two ways");
}

std::vector<ListedEntry> DirectoryReader::read(std::uint64_t max_entries) {
  const Directory directory = find_directory();
  if (directory.entries > max_entries || directory.size > largest_directory ||
      directory.size / directory_record_size < directory.entries) {
    refuse("it has too many entries");
  }
  const std::string bytes = file_.read(directory.offset, directory.size);
  Cursor from(bytes);
  std::vector<ListedEntry> entries;
  entries.reserve(directory.entries);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> spans;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    const Description listed = read_record(from);
    ListedEntry entry = listed.entry;
    spans.emplace_back(entry.offset, check_local(listed, entry));
    entries.push_back(std::move(entry));
  }
  if (!from.at_end()) refuse("its directory is damaged");
  std::sort(spans.begin(), spans.end());
  std::uint64_t end = 0;
  for (const auto& [begin, entry_end] : spans) {
    if (begin < end) refuse("its entries overlap");
    if (begin > end) break;
    end = entry_end;
  }
  // Another entry could hide there, which whoever reads from the beginning would find.
  if (end != directory.offset) refuse("between its entries are bytes that belong to none");
  return entries;
}

}  // namespace

std::vector<ListedEntry> read_directory(const InputFile& file, const std::string& title,
                                        std::uint64_t max_entries) {
  try {
    return DirectoryReader(file, title).read(max_entries);
  } catch (const std::out_of_range&) {
    throw Error(ErrorKind::integrity, title + " is refused: one of its records ends too early");
  }
}

bool begins_like_zip(std::string_view bytes) {
  const std::string_view start = bytes.substr(0, 4);
  return start == "PK\3\4" || start == "PK\5\6";
}

bool looks_like_zip(const InputFile& file) {
  return file.size() >= end_size && begins_like_zip(file.read(0, 4));
}

}  // namespace opencat::zip
