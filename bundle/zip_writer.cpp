// SPDX-License-Identifier: MIT
#include "bundle/zip_writer.hpp"

#include <algorithm>

#include "opencat/error.hpp"

namespace opencat {

ZipWriter::ZipWriter(const std::filesystem::path& file, zip::DosTime time) : out_(file), time_(time) {}

ZipWriter::ZipWriter(const ZipWriter& other, const std::filesystem::path& file)
    : out_(file), digest_(other.digest_), time_(other.time_), directory_(other.directory_) {
  out_.copy(InputFile(other.out_.path()));
}

ZipWriter ZipWriter::copy_to(const std::filesystem::path& file) const { return {*this, file}; }

void ZipWriter::write(std::string_view bytes) {
  digest_.update(bytes);
  out_.write(bytes);
}

void ZipWriter::begin_entry(const zip::Entry& entry) {
  if (entry.name.empty() || entry.name.size() > 0xffff) {
    throw Error(ErrorKind::usage, "no zip can hold a file of the name '" + entry.name + "'");
  }
  if (!directory_.emplace(entry.name, zip::directory_record(entry)).second) {
    throw Error(ErrorKind::failed, "'" + entry.name + "' was to be in a zip twice");
  }
  write(zip::local_header(entry));
}

void ZipWriter::add(const std::string& name, unsigned mode, const Packed& packed) {
  zip::Entry entry;
  entry.name = name;
  entry.mode = mode;
  entry.time = time_;
  entry.method = packed.method;
  entry.crc32 = packed.crc32;
  entry.packed_size = packed.data.size;
  entry.size = packed.size;
  entry.offset = out_.size();
  begin_entry(entry);
  write(packed.data.view());
}

void ZipWriter::copy(const InputFile& from, const zip::ListedEntry& listed, const std::string& name) {
  zip::Entry entry = listed;
  entry.name = name;
  entry.time = time_;
  entry.offset = out_.size();
  begin_entry(entry);
  char piece[1 << 16];
  for (std::uint64_t done = 0; done < listed.packed_size;) {
    const std::size_t count = std::min<std::uint64_t>(listed.packed_size - done, sizeof piece);
    from.read(listed.data_offset + done, {piece, count});
    write({piece, count});
    done += count;
  }
}

WrittenZip ZipWriter::finish(unsigned mode) {
  const std::uint64_t begin = out_.size();
  for (const auto& [name, record] : directory_) write(record);
  write(zip::end_of_directory(directory_.size(), out_.size() - begin, begin));
  WrittenZip written{out_.size(), to_hex(digest_.finish())};
  out_.close(mode);
  return written;
}

}  // namespace opencat
