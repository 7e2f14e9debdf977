// SPDX-License-Identifier: MIT
// Hostile archives are in tests/cli, where the real binary meets them; here are the limits.
#include "opencat/archive_reader.hpp"

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
