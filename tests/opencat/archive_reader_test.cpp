// SPDX-License-Identifier: MIT
// Hostile archives are in tests/cli, where the real binary meets them; here are the limits.
#include "opencat/archive_reader.hpp"

#include <algorithm>

#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "tests/bundle/zips.hpp"
#include "tests/catch.hpp"

using namespace opencat;

TEST_CASE("more than the limits allow is a bomb") {
  const TemporaryFolder folder(std::filesystem::temp_directory_path(), "opencat-archive-");
  const auto zip = folder.path() / "a.zip";
  write_zip({{"a", 0644, std::string(80 << 20, '\0')}, {"b", 0644, std::string("b")}}, zip);
  const auto kind_with = [&](const ArchiveLimits& limits) {
    const TemporaryFolder target(folder.path(), "out-");
    try {
      unpack_archive(zip, target.path(), "it", {}, limits);
    } catch (const Error& error) {
      return error.kind();
    }
    return ErrorKind::failed;
  };
  ArchiveLimits generous;
  generous.max_ratio = 10'000;
  CHECK(kind_with(generous) == ErrorKind::failed);
  CHECK(kind_with({}) == ErrorKind::integrity);
  ArchiveLimits small = generous;
  small.max_total_bytes = 1 << 20;
  CHECK(kind_with(small) == ErrorKind::integrity);
  ArchiveLimits few = generous;
  few.max_entries = 1;
  CHECK(kind_with(few) == ErrorKind::integrity);
}

namespace {

/// Everything below, as "name mode content".
std::vector<std::string> listing(const std::filesystem::path& folder) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const auto mode = static_cast<unsigned>(entry.status().permissions());
    found.push_back(entry.path().lexically_relative(folder).generic_string() + " " + std::to_string(mode) +
                    " " + (entry.is_directory() ? "/" : read_file(entry.path())));
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// A file's bytes in pieces of `step`.
ArchiveStream in_pieces(const std::string& bytes, std::size_t step, std::size_t& at) {
  return [&bytes, step, &at](char* buffer, std::size_t size) {
    const std::size_t count = bytes.copy(buffer, std::min(size, step), at);
    at += count;
    return count;
  };
}

}  // namespace

TEST_CASE("a zip that arrives is unpacked as one that is there, whoever may do what with its files") {
  const TemporaryFolder folder(std::filesystem::temp_directory_path(), "opencat-archive-");
  const auto zip = folder.path() / "a.zip";
  const unsigned mode = GENERATE(0644u, 0755u, 0600u);
  write_zip({{"n/a", 0644, std::string(100'000, 'a')}, {"n/b/c", mode, std::string("c")}}, zip);
  const std::string bytes = read_file(zip);
  const TemporaryFolder there(folder.path(), "there-");
  unpack_archive(zip, there.path(), "it");
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
    const TemporaryFolder arriving(folder.path(), "arriving-");
    std::size_t at = 0;
    unpack_arriving_archive(in_pieces(bytes, step, at), zip, arriving.path(), "it");
    CHECK(listing(arriving.path()) == listing(there.path()));
    CHECK(at == bytes.size());
  }
}

TEST_CASE("a zip that arrives has the last word at its end") {
  const TemporaryFolder folder(std::filesystem::temp_directory_path(), "opencat-archive-");
  const auto zip = folder.path() / "a.zip";
  write_zip({{"a", 0644, std::string("one")}, {"b", 0644, std::string("two")}}, zip);
  std::string bytes = read_file(zip);
  // What reads it from the begin finds "a" and "b", what reads its directory "a" and "c".
  bytes.replace(bytes.rfind('b'), 1, "c");
  write_file_atomically(zip, bytes, FileMode::plain);
  const TemporaryFolder target(folder.path(), "out-");
  std::size_t at = 0;
  CHECK_THROWS_AS(unpack_arriving_archive(in_pieces(bytes, 5, at), zip, target.path(), "it"), Error);
}
