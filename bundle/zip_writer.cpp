// SPDX-License-Identifier: MIT
#include "bundle/zip_writer.hpp"

#include <algorithm>

#include "opencat/error.hpp"

namespace opencat {

ZipWriter::ZipWriter(const std::filesystem::path& file, zip::DosTime time) : out_(file), time_(time) {}

ZipWriter::ZipWriter(const ZipWriter& other, const std::filesystem::path& file)
    : out_(file), digest_(other.digest_), time_(other.time_), entries_(other.entries_) {
  out_.copy_beginning(InputFile(other.out_.path()), other.out_.size());
}

ZipWriter ZipWriter::copy_to(const std::filesystem::path& file) const { return {*this, file}; }

void ZipWriter::write(std::string_view bytes) {
  digest_.update(bytes);
  out_.write(bytes);
}

void ZipWriter::begin_entry(zip::Entry entry) {
  if (entry.name.empty() || entry.name.size() > 0xffff) {
    throw Error(ErrorKind::usage, "no zip can hold a file of the name '" + entry.name + "'");
  }
  entry.time = time_;
  entry.offset = out_.size();
  write(zip::local_header(entry));
  entries_.push_back(std::move(entry));
}

void ZipWriter::add(const std::string& name, unsigned mode, const Packed& packed) {
  zip::Entry entry;
  entry.name = name;
  entry.mode = mode;
  entry.method = packed.method;
  entry.crc32 = packed.crc32;
  entry.packed_size = packed.data.size;
  entry.size = packed.size;
  begin_entry(std::move(entry));
  write(packed.data.view());
}

void ZipWriter::copy(const InputFile& from, const zip::ListedEntry& listed, const std::string& name) {
  zip::Entry entry = listed;
  entry.name = name;
  begin_entry(std::move(entry));
  char piece[1 << 16];
  for (std::uint64_t done = 0; done < listed.packed_size;) {
    const std::size_t count = std::min<std::uint64_t>(listed.packed_size - done, sizeof piece);
    from.read(listed.data_offset + done, {piece, count});
    write({piece, count});
    done += count;
  }
}

WrittenZip ZipWriter::finish(unsigned mode) {
  std::vector<const zip::Entry*> sorted;
  sorted.reserve(entries_.size());
  for (const zip::Entry& entry : entries_) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(),
            [](const zip::Entry* a, const zip::Entry* b) { return a->name < b->name; });
  const std::uint64_t begin = out_.size();
  for (const zip::Entry* entry : sorted) write(zip::directory_record(*entry));
  write(zip::end_of_directory(sorted.size(), out_.size() - begin, begin));
  WrittenZip written{out_.size(), to_hex(digest_.finish())};
  out_.close(mode);
  return written;
}

}  // namespace opencat
