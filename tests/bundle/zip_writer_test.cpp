// SPDX-License-Identifier: MIT
#include "bundle/zip_writer.hpp"

#include "opencat/archive_reader.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "tests/catch.hpp"

using namespace opencat;

TEST_CASE(
    "a zip's bytes do not depend on the entries' order or on where they come from, and come back as they "
    "went in") {
  const TemporaryFolder folder(std::filesystem::temp_directory_path(), "opencat-zip-");
  const auto at = [&](const char* name) { return folder.path() / name; };
  NoProgress progress;
  write_file_atomically(at("source"), std::string(100'000, 'x'), FileMode::plain);
  const std::vector<ZipEntry> entries{
      {"a/secret", 0600, std::string("s")}, {"a/说明", 0644, at("source")}, {"b", 0755, std::string()}};
  write_zip(entries, at("1.zip"), Time{}, "zip", progress, {});
  write_zip({entries.rbegin(), entries.rend()}, at("2.zip"), Time{}, "zip", progress, {});
  CHECK(read_file(at("1.zip")) == read_file(at("2.zip")));

  std::vector<ZipEntry> packed;
  for (const auto& [name, mode, content] : entries)
    packed.push_back({name, mode, PackedFile{at("1.zip"), name}});
  write_zip(packed, at("3.zip"), Time{}, "zip", progress, {});
  CHECK(read_file(at("3.zip")) == read_file(at("1.zip")));

  make_folders(at("out"));
  unpack_archive(at("1.zip"), at("out"), "it");
  CHECK(read_file(at("out") / "a" / "说明") == std::string(100'000, 'x'));
  const auto mode = [&](const char* name) {
    return static_cast<unsigned>(std::filesystem::status(at("out") / name).permissions());
  };
  CHECK(mode("a/secret") == 0600);
  CHECK(mode("a/说明") == 0644);
  CHECK(mode("b") == 0755);
}

TEST_CASE("a stopped or failed zip is not there") {
  const TemporaryFolder folder(std::filesystem::temp_directory_path(), "opencat-zip-");
  NoProgress progress;
  std::stop_source stop;
  stop.request_stop();
  const auto file = folder.path() / "a.zip";
  CHECK_THROWS_AS(
      write_zip({{"a", 0644, std::string(1 << 20, 'x')}}, file, Time{}, "zip", progress, stop.get_token()),
      Error);
  CHECK_THROWS_AS(write_zip({{"a", 0644, folder.path() / "missing"}}, file, Time{}, "zip", progress, {}),
                  Error);
  CHECK(std::filesystem::is_empty(folder.path()));
}
