// SPDX-License-Identifier: MIT
// The only file that includes <zip.h>.
#include "bundle/zip_writer.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>

#include <zip.h>

#include "opencat/error.hpp"

namespace opencat {

namespace {

// Compressed as `zip` does by default: more effort makes a bundle hardly smaller, and much slower.
constexpr zip_uint32_t deflate_level = 6;

struct Discard {
  void operator()(zip_t* zip) const { zip_discard(zip); }
};
using Zip = std::unique_ptr<zip_t, Discard>;

struct DosTime {
  zip_uint16_t time;
  zip_uint16_t date;
};

/// MS-DOS's two words: seconds / 2, minutes, hours; day, month, years since 1980.
DosTime dos_time(Time moment) {
  using namespace std::chrono;
  const auto day = floor<days>(moment);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(moment - day));
  const int years = int(date.year()) - 1980;
  if (years < 0) return {0, (1 << 5) | 1};
  const auto word = [](long value) { return static_cast<zip_uint16_t>(value); };
  return {word(clock.hours().count() << 11 | clock.minutes().count() << 5 | clock.seconds().count() / 2),
          word(years << 9 | static_cast<long>(unsigned(date.month())) << 5 |
               static_cast<long>(unsigned(date.day())))};
}

[[noreturn]] void fail(zip_t* zip, const std::string& what) {
  throw Error(ErrorKind::failed, what + ": " + zip_error_strerror(zip_get_error(zip)));
}

/// A file of another zip, as it is compressed there. libzip 1.10 renamed the function; Debian 12 has 1.7.
zip_source_t* packed_source(zip_t* target, zip_t* zip, zip_uint64_t index) {
#if LIBZIP_VERSION_MAJOR > 1 || LIBZIP_VERSION_MINOR >= 10
  return zip_source_zip_file(target, zip, index, ZIP_FL_COMPRESSED, 0, -1, nullptr);
#else
  return zip_source_zip(target, zip, index, ZIP_FL_COMPRESSED, 0, -1);
#endif
}

/// The zips that packed files are copied from; open until the new one is written.
class PackedZips {
 public:
  zip_source_t* source(zip_t* target, const PackedFile& file) {
    zip_t* zip = open(file.zip);
    const zip_int64_t index = zip_name_locate(zip, file.name.c_str(), ZIP_FL_ENC_UTF_8);
    if (index < 0) fail(zip, file.zip.string() + " lacks " + file.name);
    const auto at = static_cast<zip_uint64_t>(index);
    zip_stat_t facts;
    if (zip_stat_index(zip, at, 0, &facts) != 0) fail(zip, "cannot read " + file.name);
    // libzip 1.11 would copy no byte of an empty file and still call it compressed, which takes two.
    if (facts.size == 0) return zip_source_buffer(target, nullptr, 0, 0);
    return packed_source(target, zip, at);
  }

 private:
  zip_t* open(const std::filesystem::path& file) {
    Zip& zip = zips_[file];
    if (!zip) zip.reset(zip_open(file.c_str(), ZIP_RDONLY, nullptr));
    if (!zip) throw Error(ErrorKind::failed, "cannot read " + file.string());
    return zip.get();
  }
  std::map<std::filesystem::path, Zip> zips_;
};

zip_source_t* source_of(zip_t* zip, const ZipEntry& entry, PackedZips& packed) {
  if (const auto* path = std::get_if<std::filesystem::path>(&entry.content)) {
    return zip_source_file(zip, path->c_str(), 0, -1);
  }
  if (const auto* bytes = std::get_if<std::string>(&entry.content)) {
    return zip_source_buffer(zip, bytes->data(), bytes->size(), 0);
  }
  return packed.source(zip, std::get<PackedFile>(entry.content));
}

void add_entry(zip_t* zip, const ZipEntry& entry, const DosTime& time, PackedZips& packed) {
  zip_source_t* source = source_of(zip, entry, packed);
  const std::string what = "cannot put " + entry.name + " into the zip";
  if (source == nullptr) fail(zip, what);
  const zip_int64_t added = zip_file_add(zip, entry.name.c_str(), source, ZIP_FL_ENC_UTF_8);
  if (added < 0) {
    zip_source_free(source);
    fail(zip, what);
  }
  const auto index = static_cast<zip_uint64_t>(added);
  constexpr zip_uint32_t regular_file = 0100000;
  const bool set = zip_set_file_compression(zip, index, ZIP_CM_DEFLATE, deflate_level) == 0 &&
                   zip_file_set_external_attributes(zip, index, 0, ZIP_OPSYS_UNIX,
                                                    (regular_file | entry.mode) << 16) == 0 &&
                   // The words themselves: zip_file_set_mtime() would count in this machine's time zone.
                   zip_file_set_dostime(zip, index, time.time, time.date, 0) == 0;
  if (!set) fail(zip, what);
}

struct Watch {
  std::string task;
  Progress& progress;
  std::stop_token stop;
};

void on_progress(zip_t*, double part, void* user) {
  const auto& watch = *static_cast<Watch*>(user);
  watch.progress.advance(watch.task, static_cast<std::uint64_t>(part * 1000), 1000);
}

int on_cancel(zip_t*, void* user) { return static_cast<Watch*>(user)->stop.stop_requested() ? 1 : 0; }

}  // namespace

void write_zip(std::vector<ZipEntry> entries, const std::filesystem::path& file, Time time,
               const std::string& task, Progress& progress, std::stop_token stop) {
  std::sort(entries.begin(), entries.end(),
            [](const ZipEntry& a, const ZipEntry& b) { return a.name < b.name; });
  int problem = 0;
  Zip zip(zip_open(file.c_str(), ZIP_CREATE | ZIP_EXCL, &problem));
  if (!zip) throw Error(ErrorKind::failed, "cannot make " + file.string());
  const DosTime dos = dos_time(time);
  PackedZips packed;
  for (const ZipEntry& entry : entries) add_entry(zip.get(), entry, dos, packed);

  Watch watch{task, progress, stop};
  zip_register_progress_callback_with_state(zip.get(), 0.01, on_progress, nullptr, &watch);
  zip_register_cancel_callback_with_state(zip.get(), on_cancel, nullptr, &watch);
  // libzip writes beside `file` and renames; a failed or cancelled close leaves nothing.
  const bool closed = zip_close(zip.get()) == 0;
  progress.end(task);
  if (closed) {
    zip.release();  // NOLINT: zip_close() has freed it.
    return;
  }
  if (stop.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted");
  fail(zip.get(), "cannot write " + file.string());
}

}  // namespace opencat
