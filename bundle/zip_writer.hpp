// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "opencat/clock.hpp"
#include "opencat/progress.hpp"

namespace opencat {

/// A file inside a zip that write_zip() made: its compressed bytes are copied as they are.
struct PackedFile {
  std::filesystem::path zip;
  std::string name;
};

struct ZipEntry {
  std::string name;  ///< with forward slashes
  unsigned mode = 0644;
  /// A file on disk, read when the zip is written; the bytes themselves; or a file packed before.
  std::variant<std::filesystem::path, std::string, PackedFile> content;
};

/// Writes the entries, sorted by name, to `file`, which appears only when it is whole. The same entries give
/// the same bytes: every entry bears `time` (in UTC; no earlier than 1980, the format's first year), its UNIX
/// mode, and nothing of the machine. Throws Error(failed), or Error(interrupted); then there is no file.
void write_zip(std::vector<ZipEntry> entries, const std::filesystem::path& file, Time time,
               const std::string& task, Progress& progress, std::stop_token stop);

}  // namespace opencat
