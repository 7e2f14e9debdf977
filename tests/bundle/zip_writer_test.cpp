// SPDX-License-Identifier: MIT
#include "bundle/zip_writer.hpp"

#include <chrono>
#include <fstream>
#include <thread>

#include "opencat/archive_reader.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "tests/bundle/zips.hpp"
#include "tests/catch.hpp"

using namespace opencat;
namespace fs = std::filesystem;

namespace {

struct Folder : TemporaryFolder {
  Folder() : TemporaryFolder(fs::temp_directory_path(), "opencat-zip-") {}
  fs::path operator/(const char* name) const { return path() / name; }
};

unsigned mode_of(const fs::path& file) { return static_cast<unsigned>(fs::status(file).permissions()); }

/// Many small entries, large ones among them, some that do not deflate.
std::vector<ZipEntry> many_entries() {
  std::vector<ZipEntry> entries;
  std::uint32_t state = 1;
  for (int i = 0; i < 300; ++i) {
    std::string bytes;
    const std::size_t size = i % 50 == 7 ? 512 << 10 : static_cast<std::size_t>(i) * 10;
    while (bytes.size() < size) {
      state = state * 1664525u + 1013904223u;
      bytes += i % 3 == 0 ? static_cast<char>(state >> 24) : static_cast<char>('a' + (state >> 29));
    }
    entries.push_back({"e" + std::to_string(i), 0644, std::move(bytes)});
  }
  return entries;
}

}  // namespace

TEST_CASE("what goes into a zip comes back as it was, wherever it came from") {
  const Folder folder;
  write_file_atomically(folder / "source", std::string(100'000, 'x'), FileMode::plain);
  const std::vector<ZipEntry> entries{
      {"b", 0755, std::string()}, {"a/说明", 0644, folder / "source"}, {"a/secret", 0600, std::string("s")}};
  const WrittenZip written = write_zip(entries, folder / "1.zip");
  CHECK(written.bytes == fs::file_size(folder / "1.zip"));
  CHECK(written.sha256 == sha256_file(folder / "1.zip"));
  CHECK(mode_of(folder / "1.zip") == 0644);

  make_folders(folder / "out");
  unpack_archive(folder / "1.zip", folder / "out", "it");
  CHECK(read_file(folder / "out" / "a" / "说明") == std::string(100'000, 'x'));
  CHECK(mode_of(folder / "out" / "a" / "secret") == 0600);
  CHECK(mode_of(folder / "out" / "a" / "说明") == 0644);
  CHECK(mode_of(folder / "out" / "b") == 0755);
  // The directory is sorted, in whatever order the entries came.
  const auto listed = zip::read_directory(InputFile(folder / "1.zip"), "it", 10);
  REQUIRE(listed.size() == 3);
  CHECK(listed[0].name == "a/secret");
  CHECK(listed[0].method == zip::Method::stored);  // one byte does not become smaller
  CHECK(listed[1].method == zip::Method::deflated);
  CHECK(listed[2].name == "b");

  ZipWriter again(folder / "2.zip", {});
  const InputFile first(folder / "1.zip");
  for (const char* name : {"b", "a/说明", "a/secret"}) {
    for (const auto& entry : listed) {
      if (entry.name == name) again.copy(first, entry, name);
    }
  }
  CHECK(again.finish(0600).sha256 == written.sha256);
  CHECK(mode_of(folder / "2.zip") == 0600);
}

TEST_CASE("a zip's bytes do not depend on how many threads packed it") {
  const Folder folder;
  const std::vector<ZipEntry> entries = many_entries();
  const std::string one = write_zip(entries, folder / "1.zip", 1).sha256;
  CHECK(write_zip(entries, folder / "3.zip", 3).sha256 == one);
  CHECK(write_zip(entries, folder / "8.zip", 8).sha256 == one);
}

TEST_CASE("copies that go on differently are whole zips, each with its own digest") {
  const Folder folder;
  const std::vector<ZipEntry> shared = many_entries();
  ZipWriter base(folder / "base.zip", {});
  add_all(base, shared);
  base.flush();
  std::vector<std::jthread> threads;
  std::vector<std::string> digests(4);
  for (std::size_t i = 0; i < digests.size(); ++i) {
    threads.emplace_back([&, i] {
      ZipWriter mine = base.copy_to(folder.path() / ("copy" + std::to_string(i)));
      add_all(mine, {{"a", 0644, std::to_string(i)}});
      digests[i] = mine.finish(0600).sha256;
    });
  }
  threads.clear();
  for (std::size_t i = 0; i < digests.size(); ++i) {
    const fs::path file = folder.path() / ("copy" + std::to_string(i));
    CHECK(digests[i] == sha256_file(file));
    std::vector<ZipEntry> all = shared;
    all.push_back({"a", 0644, std::to_string(i)});
    CHECK(write_zip(all, folder.path() / ("alone" + std::to_string(i))).sha256 == digests[i]);
  }
}

TEST_CASE("times are UTC, to two seconds, from 1980 on") {
  using namespace std::chrono;
  const zip::DosTime time = zip::dos_time(sys_days(2023y / 11 / 14) + 22h + 13min + 21s);
  CHECK(time.date == ((2023 - 1980) << 9 | 11 << 5 | 14));
  CHECK(time.time == (22 << 11 | 13 << 5 | 10));
  CHECK(zip::dos_time(Time{}) == zip::DosTime{});
}

TEST_CASE("more than 65,535 entries, and sizes beyond 4 GiB: zip64, and only then") {
  const Folder folder;
  std::vector<ZipEntry> entries;
  for (int i = 0; i < 65'535; ++i) entries.push_back({std::to_string(i), 0644, std::string()});
  write_zip({entries.begin(), entries.end() - 1}, folder / "few.zip");
  CHECK(read_file(folder / "few.zip").find("PK\6\6") == std::string::npos);
  write_zip(entries, folder / "many.zip");
  CHECK(read_file(folder / "many.zip").find("PK\6\6") != std::string::npos);
  CHECK(zip::read_directory(InputFile(folder / "many.zip"), "it", 100'000).size() == 65'535);

  // 5 GB of nothing between a header and its directory, and another entry behind them.
  zip::Entry large;
  large.name = "large";
  large.size = large.packed_size = 5'000'000'000;
  zip::Entry behind;
  behind.name = "behind";
  behind.offset = zip::local_header(large).size() + large.packed_size;
  const auto add = [&](const std::string& bytes) {
    std::ofstream(folder / "large.zip", std::ios::app | std::ios::binary) << bytes;
  };
  add(zip::local_header(large));
  fs::resize_file(folder / "large.zip", behind.offset);
  const std::string directory = zip::directory_record(behind) + zip::directory_record(large);
  add(zip::local_header(behind) + directory);
  add(zip::end_of_directory(2, directory.size(), behind.offset + zip::local_header(behind).size()));
  const auto listed = zip::read_directory(InputFile(folder / "large.zip"), "it", 2);
  REQUIRE(listed.size() == 2);
  CHECK(listed[0].offset == behind.offset);
  CHECK(listed[1].size == 5'000'000'000);
  CHECK(listed[1].packed_size == 5'000'000'000);
}

TEST_CASE("a zip that was not finished is not there, and what is there is not overwritten") {
  const Folder folder;
  const fs::path file = folder / "a.zip";
  CHECK_THROWS_AS(write_zip({{"a", 0644, folder / "missing"}}, file), Error);
  CHECK_FALSE(fs::exists(file));
  write_file_atomically(file, "mine", FileMode::plain);
  CHECK_THROWS_AS(write_zip({}, file), Error);
  CHECK(read_file(file) == "mine");
}

TEST_CASE("packing ends at once when it is stopped, and with the first failure") {
  const std::vector<ZipEntry> entries = many_entries();
  std::stop_source stop;
  int taken = 0;
  const auto take_ten = [&](const ZipEntry&, const PackedEntry&) {
    if (++taken == 10) stop.request_stop();
  };
  try {
    pack_entries(entries, 3, stop.get_token(), take_ten);
    FAIL("it was not stopped");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::interrupted);
  }
  CHECK(taken == 10);
  CHECK_THROWS_AS(
      pack_entries(entries, 3, {},
                   [](const ZipEntry&, const PackedEntry&) { throw Error(ErrorKind::integrity, "enough"); }),
      Error);
  std::vector<ZipEntry> vanished = entries;
  vanished.back().content = fs::path("/nowhere");
  CHECK_THROWS_AS(pack_entries(vanished, 3, {}, [](const ZipEntry&, const PackedEntry&) {}), Error);
}
