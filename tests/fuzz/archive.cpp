// SPDX-License-Identifier: MIT
// An archive from a stranger: taken or refused with Error(integrity), and whichever it is, what it left is
// plain files and folders inside the folder, within the limits. The checked directory of a zip agrees with
// the zip. Unpacked while it arrives it gives the same.
#include <algorithm>
#include <filesystem>
#include <set>
#include <string>

#include "opencat/archive_reader.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/random_access.hpp"
#include "opencat/zip_directory.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace opencat;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t max_bytes = 4 << 20;
constexpr std::uint64_t max_entries = 200;

/// Whether it was taken.
template <class Take>
bool is_taken(const Take& take) {
  try {
    take();
    return true;
  } catch (const Error& error) {
    FUZZ_CHECK(error.kind() == ErrorKind::integrity);
    for (const char c : error.message()) FUZZ_CHECK(static_cast<unsigned char>(c) >= 0x20);
    return false;
  }
}

/// Every name below, with its size and mode.
std::string listing(const fs::path& folder) {
  std::set<std::string> lines;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const auto mode = static_cast<unsigned>(entry.status().permissions());
    lines.insert(entry.path().lexically_relative(folder).string() + " " + std::to_string(mode) + " " +
                 (entry.is_directory() ? "folder" : read_file(entry.path())) + "\n");
  }
  std::string text;
  for (const std::string& line : lines) text += line;
  return text;
}

void check_left(const fs::path& folder) {
  std::uint64_t bytes = 0;
  TakenNames names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    FUZZ_CHECK(!entry.is_symlink());
    const std::string name = entry.path().lexically_relative(folder).generic_string();
    FUZZ_CHECK(is_safe_relative_path(name));
    if (entry.is_directory()) continue;
    FUZZ_CHECK(entry.is_regular_file());
    FUZZ_CHECK((entry.status().permissions() & fs::perms::mask & ~static_cast<fs::perms>(0755)) ==
               fs::perms::none);
    FUZZ_CHECK(!names.take_file(name));
    bytes += entry.file_size();
  }
  FUZZ_CHECK(bytes <= max_bytes);
}

/// Every entry lies inside the file, apart from the others, and is found again under its local header.
void check_directory(const InputFile& zip) {
  std::uint64_t packed = 0;
  for (const zip::ListedEntry& entry : zip::read_directory(zip, "it", max_entries)) {
    FUZZ_CHECK(entry.offset < entry.data_offset && entry.data_offset <= zip.size());
    FUZZ_CHECK(entry.packed_size <= zip.size() - entry.data_offset);
    FUZZ_CHECK(zip.read(entry.offset, 4) == "PK\3\4");
    FUZZ_CHECK(zip.read(entry.offset + 30, entry.name.size()) == entry.name);
    packed += entry.packed_size;
  }
  FUZZ_CHECK(packed <= zip.size());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Where it is memory, a run is several times faster.
  const fs::path parent = fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path();
  const TemporaryFolder scratch(parent, "opencat-fuzz-");
  const fs::path file = scratch.path() / "archive";
  write_file_atomically(file, fuzz::text_of(data, size), FileMode::plain);
  const fs::path target = scratch.path() / "inside" / "target";
  make_folders(target);

  const InputFile bytes(file);
  const bool listed = is_taken([&] { check_directory(bytes); });
  ArchiveLimits limits;
  limits.max_total_bytes = max_bytes;
  limits.max_entries = max_entries;
  const bool unpacked = is_taken([&] { unpack_archive(file, target, "it", {}, limits); });
  // A zip is never taken whose directory is not; what is no zip has none.
  FUZZ_CHECK(!unpacked || listed || !zip::looks_like_zip(bytes));
  check_left(target);
  const fs::path arriving = scratch.path() / "inside" / "arriving";
  make_folders(arriving);
  std::uint64_t at = 0;
  const auto stream = [&](char* buffer, std::size_t count) {
    const std::string piece = bytes.read(at, std::min<std::uint64_t>({count, 61, bytes.size() - at}));
    at += piece.copy(buffer, piece.size());
    return piece.size();
  };
  const bool arrived = is_taken([&] { unpack_arriving_archive(stream, file, arriving, "it", {}, limits); });
  FUZZ_CHECK(arrived == unpacked);
  FUZZ_CHECK(!arrived || listing(arriving) == listing(target));
  check_left(arriving);
  fs::remove_all(arriving);
  for (const auto& entry : fs::directory_iterator(scratch.path() / "inside"))
    FUZZ_CHECK(entry.path() == target);
  return 0;
}
