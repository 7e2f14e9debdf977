// SPDX-License-Identifier: MIT
#include "bundle/packed_runtime.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "bundle/zip_writer.hpp"
#include "opencat/descriptor.hpp"
#include "opencat/digest.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"

namespace opencat {

namespace fs = std::filesystem;

namespace {

constexpr const char* name_prefix = "packed-";
constexpr std::uint64_t max_entries = 1'000'000;

/// The part of the name that says what was packed, and by whom.
std::string name_start(const FileSums& sums) {
  Digest digest(DigestKind::sha256);
  for (const auto& [path, sum] : sums) {
    for (const std::string_view part :
         {std::string_view(sum), std::string_view("  "), std::string_view(path), std::string_view("\n")}) {
      digest.update(part);
    }
  }
  return name_prefix + std::string(Deflater::name()) + "-" + to_hex(digest.finish()).substr(0, 16) + "-";
}

std::string digest_of(const InputFile& zip) {
  Digest digest(DigestKind::sha256);
  std::vector<char> piece(1 << 18);
  for (std::uint64_t done = 0; done < zip.size();) {
    const auto part = std::span(piece).first(std::min<std::uint64_t>(zip.size() - done, piece.size()));
    zip.read(done, part);
    digest.update({part.data(), part.size()});
    done += part.size();
  }
  return to_hex(digest.finish());
}

/// The one that is there and whole; whatever else bears such a name is removed.
std::optional<PackedRuntime> find(const fs::path& folder, const FileSums& sums) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().rfind(name_prefix, 0) == 0) files.push_back(entry.path());
  }
  std::error_code ignored;
  for (const fs::path& file : files) {
    try {
      InputFile zip(file);
      if (file.filename() == name_start(sums) + digest_of(zip) + ".zip") {
        auto entries = zip::read_directory(zip, file.string(), max_entries);
        return PackedRuntime{std::move(zip), std::move(entries), sums};
      }
    } catch (const Error&) {
      // Another process may have removed it; or it cannot be read, and then it is as good as damaged.
    }
    fs::remove(file, ignored);
  }
  return std::nullopt;
}

/// Held while a runtime is packed.
std::unique_ptr<FileLock> right_to_pack(const RuntimeCache& cache, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    try {
      return std::make_unique<FileLock>(cache.folder() / "locks" / "packing.lock", FileLock::Wait::never,
                                        "busy");
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unavailable) throw;
    }
    // Asked again and again because a blocking lock could not be interrupted.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  throw Error(ErrorKind::interrupted, "interrupted");
}

WrittenZip write_packed(const Runtime& runtime, const FileSums& sums, const fs::path& file,
                        Progress& progress, const std::stop_token& stop) {
  std::vector<ZipEntry> entries;
  for (const auto& [path, sum] : sums) {
    const fs::path source = runtime.path / path;
    const bool executable = descriptor::is_executable(source);
    entries.push_back({path, executable ? 0755u : 0644u, source});
  }
  const std::string task = "packing Node " + runtime.version.text() + " " + runtime.platform.name();
  progress.say(task);
  struct Ended {
    Progress& progress;
    const std::string& task;
    ~Ended() { progress.end(task); }
  } const ended{progress, task};
  ZipWriter writer(file, zip::DosTime{});
  std::uint64_t done = 0;
  pack_entries(entries, 0, stop, [&](const ZipEntry& entry, const PackedEntry& packed) {
    if (packed.sha256 != sums.at(entry.name)) {
      throw Error(ErrorKind::integrity, entry.name + " changed while it was packed");
    }
    writer.add(entry.name, entry.mode, packed.packed);
    progress.advance(task, done += packed.packed.size, runtime.bytes);
  });
  return writer.finish(0644);
}

}  // namespace

PackedRuntime packed_runtime(const RuntimeCache& cache, const Runtime& runtime, Progress& progress,
                             std::stop_token stop) {
  const fs::path folder = runtime.path.parent_path();
  FileSums sums = cache.sums(runtime);
  if (auto found = find(folder, sums)) return std::move(*found);
  const auto lock = right_to_pack(cache, stop);
  // Another may have made it meanwhile.
  if (auto found = find(folder, sums)) return std::move(*found);
  // Beside the runtimes, under the name that remove_leftovers() knows.
  const TemporaryFolder staging(cache.folder() / "node", ".staging-");
  const fs::path made = staging.path() / "packed.zip";
  WrittenZip written;
  try {
    written = write_packed(runtime, sums, made, progress, stop);
  } catch (const Error& error) {
    // Says it better, where a file is missing or differs.
    if (error.kind() != ErrorKind::interrupted) cache.verify(runtime, stop);
    throw;
  }
  InputFile zip(made);
  rename_file(made, folder / (name_start(sums) + written.sha256 + ".zip"));
  auto entries = zip::read_directory(zip, made.string(), max_entries);
  return {std::move(zip), std::move(entries), std::move(sums)};
}

}  // namespace opencat
