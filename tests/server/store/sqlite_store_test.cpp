// SPDX-License-Identifier: MIT
// What is SQLite's alone; store_test has what every store does.
#include "server/store/sqlite_store.hpp"

#include <vector>

#include <sys/stat.h>

#include "opencat/digest.hpp"
#include "opencat/error.hpp"
#include "tests/server/store/store_fixture.hpp"

using namespace opencat;
using namespace opencat::store_test;

namespace {

ErrorKind kind_of_opening(const fs::path& file) {
  try {
    open_sqlite_store(file, {});
  } catch (const Error& error) {
    CHECK(error.message().find(file.string()) != std::string::npos);
    return error.kind();
  }
  FAIL("it was opened");
  return ErrorKind::failed;
}

}  // namespace

TEST_CASE("a new database has all migrations, is its owner's only, and opens again") {
  Fixture fixture;
  const auto token = fixture.issue('a');
  for (const char* name : {"opencat.db", "opencat.db-wal", "opencat.db-shm"}) {
    struct stat facts {};
    REQUIRE(stat((fixture.file.parent_path() / name).c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0600);
  }
  CHECK(sql(fixture.file, "PRAGMA user_version") == std::vector<std::string>{"5"});
  CHECK(sql(fixture.file, "PRAGMA journal_mode") == std::vector<std::string>{"wal"});
  fixture.open();
  CHECK(fixture.use(token).daily == 0);
}

TEST_CASE("a newer database is refused and not a byte of it changed") {
  const TemporaryFolder folder(fs::temp_directory_path(), "opencat-store-");
  const fs::path file = folder.path() / "opencat.db";
  sql(file, "PRAGMA user_version = 99; CREATE TABLE of_later (x); INSERT INTO of_later VALUES (1)");
  const std::string before = sha256_file(file);
  CHECK(kind_of_opening(file) == ErrorKind::usage);
  CHECK(sha256_file(file) == before);
}

TEST_CASE("a damaged file, or none of a database's, is refused and left as it is") {
  const TemporaryFolder folder(fs::temp_directory_path(), "opencat-store-");
  const fs::path file = folder.path() / "opencat.db";
  for (const std::string& bytes : {std::string(5000, 'x'), std::string("SQLite format 3\0broken", 22)}) {
    write_file_atomically(file, bytes, FileMode::secret);
    CHECK(kind_of_opening(file) == ErrorKind::usage);
    CHECK(read_file(file) == bytes);
  }
}
