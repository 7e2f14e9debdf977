// SPDX-License-Identifier: MIT
// The only file that includes <archive.h>.
#include "opencat/archive_reader.hpp"

#include <algorithm>
#include <clocale>
#include <memory>

#include <archive.h>
#include <archive_entry.h>

#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/random_access.hpp"
#include "opencat/text.hpp"
#include "opencat/zip_directory.hpp"

namespace opencat {

namespace fs = std::filesystem;

namespace {

using Reader = std::unique_ptr<archive, decltype(&archive_read_free)>;

constexpr std::uint64_t ratio_matters_from = 64ull << 20;

/// libarchive shows a name in the locale's characters, and shows none at all where they lack one of its: this
/// thread has a locale with all of them while this object lives.
class Utf8Locale {
 public:
  Utf8Locale() : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_ != nullptr) before_ = uselocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;
  ~Utf8Locale() {
    if (locale_ == nullptr) return;
    uselocale(before_);
    freelocale(locale_);
  }

 private:
  locale_t locale_;
  locale_t before_ = nullptr;
};

class Unpacking {
 public:
  Unpacking(fs::path folder, std::string title, const PlaceEntry& place, const ArchiveLimits& limits,
            std::stop_token stop)
      : folder_(std::move(folder)), title_(std::move(title)), place_(place), limits_(limits), stop_(stop) {}

  void run(const fs::path& file);

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(ErrorKind::integrity, title_ + " is refused: " + why);
  }
  [[noreturn]] void refuse_damaged() const {
    const char* reason = archive_error_string(reader_.get());
    refuse(std::string("it is damaged or no archive") +
           (reason != nullptr ? ": " + printable(reason) : std::string()));
  }
  /// libarchive's WARN means "read, but something was odd" (a name that the locale cannot show): the checks
  /// here do not rely on what it warns of.
  bool check(int result) const {
    if (result == ARCHIVE_EOF) return false;
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) refuse_damaged();
    return true;
  }
  /// A zip's directory before anything of it is unpacked.
  void check_zip(const InputFile& zip);
  void unpack_entry(archive_entry* entry);
  void write_content(const fs::path& target, unsigned mode);
  void account(std::uint64_t bytes);

  fs::path folder_;
  std::string title_;
  const PlaceEntry& place_;
  ArchiveLimits limits_;
  std::stop_token stop_;
  Reader reader_{archive_read_new(), &archive_read_free};
  TakenNames taken_;
  std::uint64_t total_ = 0;
  std::uint64_t packed_ = 0;
};

void Unpacking::check_zip(const InputFile& zip) {
  std::uint64_t total = 0;
  for (const auto& entry : zip::read_directory(zip, title_, limits_.max_entries)) {
    // Each at most 2^64 - 1, hence no sum without a look at each.
    if (entry.size > limits_.max_total_bytes) refuse("it unpacks to more than it should");
    total += entry.size;
    if (total > limits_.max_total_bytes) refuse("it unpacks to more than it should");
  }
}

void Unpacking::run(const fs::path& file) {
  archive* reader = reader_.get();
  {
    const InputFile bytes(file);
    packed_ = bytes.size();
    if (zip::looks_like_zip(bytes)) {
      check_zip(bytes);
      // The reader that believes the directory, which is now known to be right.
      archive_read_support_format_zip_seekable(reader);
    } else {
      archive_read_support_format_tar(reader);
      archive_read_support_filter_gzip(reader);
      archive_read_support_filter_xz(reader);
    }
  }
  check(archive_read_open_filename(reader, file.c_str(), 1 << 16));
  archive_entry* entry = nullptr;
  std::uint64_t entries = 0;
  while (check(archive_read_next_header(reader, &entry))) {
    if (stop_.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted");
    if (++entries > limits_.max_entries) refuse("it has too many entries");
    unpack_entry(entry);
  }
}

void Unpacking::unpack_entry(archive_entry* entry) {
  const char* raw = archive_entry_pathname_utf8(entry);
  if (raw == nullptr) raw = archive_entry_pathname(entry);
  if (raw == nullptr) refuse("an entry has a name that cannot be read");
  std::string name = raw;
  while (name.rfind("./", 0) == 0) name.erase(0, 2);
  while (name.size() > 1 && name.back() == '/') name.pop_back();
  if (name.empty() || name == ".") return;
  const std::string shown = "its entry '" + printable(name) + "' ";
  if (!is_safe_relative_path(name)) refuse(shown + "would be written elsewhere");

  std::string place = name;
  if (place_) {
    const auto chosen = place_(name);
    if (!chosen) {
      // Unpacked all the same, to find what is behind it.
      return account(static_cast<std::uint64_t>(std::max<la_int64_t>(archive_entry_size(entry), 0)));
    }
    place = *chosen;
    if (!is_safe_relative_path(place)) refuse(shown + "would be written elsewhere");
  }
  const bool linked = archive_entry_hardlink(entry) != nullptr || archive_entry_symlink(entry) != nullptr;
  const auto type = archive_entry_filetype(entry);
  if (linked || type == AE_IFLNK) refuse(shown + "is a link");
  if (type != AE_IFDIR && type != AE_IFREG) refuse(shown + "is neither file nor folder");
  const auto twin = type == AE_IFDIR ? taken_.take_folder(place) : taken_.take_file(place);
  if (twin) refuse(shown + "is there twice");
  if (type == AE_IFDIR) return make_folders(folder_ / place);
  const auto permissions = archive_entry_perm(entry);
  const unsigned mode = (permissions & 0100) != 0 ? 0755 : 0644;
  write_content(folder_ / place, (permissions & 077) != 0 ? mode : mode & 0700);
}

void Unpacking::account(std::uint64_t bytes) {
  if (bytes > limits_.max_total_bytes) refuse("it unpacks to more than it should");
  total_ += bytes;
  const bool bomb = total_ > ratio_matters_from && total_ / limits_.max_ratio > packed_;
  if (bomb || total_ > limits_.max_total_bytes) refuse("it unpacks to more than it should");
}

void Unpacking::write_content(const fs::path& target, unsigned mode) {
  make_folders(target.parent_path());
  OutputFile out(target);
  const void* block = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  // Here a warning is a size or CRC that is wrong.
  for (int result;
       (result = archive_read_data_block(reader_.get(), &block, &size, &offset)) != ARCHIVE_EOF;) {
    if (result != ARCHIVE_OK) refuse_damaged();
    if (stop_.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted");
    // A block may lie behind a hole (a sparse file); the hole counts, or it would be the way around the
    // limit.
    const auto position = static_cast<std::uint64_t>(offset);
    if (offset < 0 || position < out.size()) refuse_damaged();
    account(position - out.size());
    account(size);
    const std::string nothing(std::min<std::uint64_t>(position - out.size(), 1 << 16), '\0');
    while (out.size() < position) {
      out.write(std::string_view(nothing).substr(
          0, std::min<std::uint64_t>(position - out.size(), nothing.size())));
    }
    out.write({static_cast<const char*>(block), size});
  }
  out.close(mode);
}

}  // namespace

void unpack_archive(const fs::path& archive, const fs::path& folder, const std::string& title,
                    const PlaceEntry& place, const ArchiveLimits& limits, std::stop_token stop) {
  const Utf8Locale locale;
  Unpacking(folder, title, place, limits, std::move(stop)).run(archive);
}

}  // namespace opencat
