// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "bundle/zip_entry.hpp"
#include "opencat/digest.hpp"
#include "opencat/random_access.hpp"
#include "opencat/zip_directory.hpp"

namespace opencat {

struct WrittenZip {
  std::uint64_t bytes = 0;
  std::string sha256;  ///< of the whole file, in lower-case hex
};

/// Writes a zip: entries one behind the other in the order given, and a central directory sorted by name. The
/// same entries in the same order give the same bytes: each bears `time`, its UNIX mode, and nothing of the
/// machine. For one thread, but for copy_to(). The file is removed again unless it was finished.
class ZipWriter {
 public:
  /// `file` must not exist yet; only its owner may read it until it is finished.
  ZipWriter(const std::filesystem::path& file, zip::DosTime time);

  void add(const std::string& name, unsigned mode, const Packed& packed);
  /// An entry of another zip under a name of ours, its packed bytes as they are.
  void copy(const InputFile& from, const zip::ListedEntry& entry, const std::string& name);

  /// Hands all to the system: from here to the next entry, copy_to() may be called by any thread.
  void flush() { out_.flush(); }
  /// A new zip that begins with all entries of this one, at little more than the cost of copying its
  /// bytes: they are not hashed again. Whoever wants many zips that differ in a few entries adds what they
  /// share, flushes, and adds what differs to a copy.
  ZipWriter copy_to(const std::filesystem::path& file) const;

  /// Writes the directory and keeps the file with those permission bits.
  WrittenZip finish(unsigned mode);

  std::uint64_t bytes() const { return out_.size(); }

 private:
  ZipWriter(const ZipWriter& other, const std::filesystem::path& file);
  void begin_entry(const zip::Entry& entry);
  void write(std::string_view bytes);

  OutputFile out_;
  Digest digest_{DigestKind::sha256};
  zip::DosTime time_;
  std::map<std::string, std::string> directory_;  ///< name → its record
};

}  // namespace opencat
