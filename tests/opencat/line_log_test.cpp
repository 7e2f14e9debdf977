// SPDX-License-Identifier: MIT
#include "opencat/line_log.hpp"

#include <atomic>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "opencat/file.hpp"
#include "tests/catch.hpp"

using namespace opencat;

TEST_CASE("a LineLog writes all lines in their order, whatever thread they come from") {
  const TemporaryFolder folder(std::filesystem::temp_directory_path(), "line-log-");
  const auto file = folder.path() / "log";
  std::atomic<std::uint64_t> dropped{0};
  {
    LineLog log(file, [&](std::uint64_t lines) { dropped += lines; });
    for (int i = 0; i < 10'000; ++i) log.write(std::to_string(i));
  }
  std::string expected;
  for (int i = 0; i < 10'000; ++i) expected += std::to_string(i) + "\n";
  CHECK(read_file(file) == expected);
  CHECK(dropped == 0);
}

TEST_CASE("a LineLog whose reader stands still drops and counts, and never blocks who writes") {
  const TemporaryFolder folder(std::filesystem::temp_directory_path(), "line-log-");
  const auto file = folder.path() / "pipe";
  REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
  const int reader = ::open(file.c_str(), O_RDONLY | O_NONBLOCK);
  std::atomic<std::uint64_t> dropped{0};
  std::uint64_t read = 0;
  constexpr int lines = 10'000;
  {
    LineLog log(file, [&](std::uint64_t count) { dropped += count; });
    const std::string line(1023, 'x');
    for (int i = 0; i < lines; ++i) log.write(line);
    CHECK(dropped > 0);
    CHECK(dropped < lines);
    // Reads on, so that the log's end does not wait for ever.
    std::thread draining([&] {
      ::fcntl(reader, F_SETFL, 0);
      char buffer[65536];
      while (true) {
        const ssize_t count = ::read(reader, buffer, sizeof buffer);
        if (count <= 0) break;
        read += static_cast<std::uint64_t>(count);
        if (read == (lines - dropped) * 1024) break;
      }
    });
    draining.join();
  }
  ::close(reader);
  CHECK(read == (lines - dropped) * 1024);
}
