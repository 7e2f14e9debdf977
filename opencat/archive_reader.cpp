// SPDX-License-Identifier: MIT
// The only file that includes <archive.h>.
#include "opencat/archive_reader.hpp"

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include <archive.h>
#include <archive_entry.h>

#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/letter_case.hpp"
#include "opencat/random_access.hpp"
#include "opencat/text.hpp"
#include "opencat/zip_directory.hpp"

namespace opencat {

namespace fs = std::filesystem;

namespace {

using Reader = std::unique_ptr<archive, decltype(&archive_read_free)>;

constexpr std::uint64_t ratio_matters_from = 64ull << 20;

// Names are made of char in one system and of wchar_t in the other.
[[maybe_unused]] int open_by_name(archive* reader, const char* file, std::size_t block) {
  return archive_read_open_filename(reader, file, block);
}
[[maybe_unused]] int open_by_name(archive* reader, const wchar_t* file, std::size_t block) {
  return archive_read_open_filename_w(reader, file, block);
}

/// The bytes of a stream, for libarchive.
class Inflow {
 public:
  /// Waits for the first bytes.
  explicit Inflow(const ArchiveStream& stream) : stream_(stream), buffer_(1 << 16) {
    while (ahead_ < 4 && take() > 0) continue;
    is_zip_ = zip::begins_like_zip({buffer_.data(), ahead_});
  }
  bool is_zip() const { return is_zip_; }

  int open(archive* reader) { return archive_read_open(reader, this, nullptr, &Inflow::on_read, nullptr); }
  /// So many came.
  std::uint64_t bytes() const { return bytes_; }
  /// Throws what the stream threw.
  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }
  void read_to_end() {
    do ahead_ = 0;
    while (take() > 0);
  }

 private:
  std::size_t take() {
    const std::size_t size = stream_(buffer_.data() + ahead_, buffer_.size() - ahead_);
    ahead_ += size;
    bytes_ += size;
    return size;
  }
  static la_ssize_t on_read(archive* reader, void* user, const void** bytes) {
    auto& self = *static_cast<Inflow*>(user);
    try {
      if (self.ahead_ == 0) self.take();
      *bytes = self.buffer_.data();
      return static_cast<la_ssize_t>(std::exchange(self.ahead_, 0));
    } catch (...) {
      // No exception may pass through libarchive's C code.
      self.thrown_ = std::current_exception();
      archive_set_error(reader, EIO, "no more bytes");
      return ARCHIVE_FATAL;
    }
  }

  const ArchiveStream& stream_;
  std::vector<char> buffer_;
  bool is_zip_ = false;
  std::size_t ahead_ = 0;  ///< bytes in the buffer that libarchive has not had
  std::uint64_t bytes_ = 0;
  std::exception_ptr thrown_;
};

class Unpacking {
 public:
  Unpacking(fs::path folder, std::string title, const PlaceEntry& place, const ArchiveLimits& limits,
            std::stop_token stop)
      : folder_(std::move(folder)), title_(std::move(title)), place_(place), limits_(limits), stop_(stop) {}

  void run(const fs::path& file);
  void run(Inflow& inflow);
  /// Whether what run(Inflow&) unpacked of a zip is what its directory tells. Throws when that is refused.
  bool is_told_by(const InputFile& zip);

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
  /// The entries of a zip, when nothing is wrong with its directory.
  std::vector<zip::ListedEntry> read_directory(const InputFile& zip);
  void support_tar();
  void unpack_entries();
  void unpack_entry(archive_entry* entry);
  void write_content(archive_entry* entry, const fs::path& target, unsigned mode);
  void account(std::uint64_t bytes);

  fs::path folder_;
  std::string title_;
  const PlaceEntry& place_;
  ArchiveLimits limits_;
  std::stop_token stop_;
  Reader reader_{archive_read_new(), &archive_read_free};
  TakenNames taken_;
  std::uint64_t total_ = 0;
  std::uint64_t packed_ = 0;                                 ///< the archive's bytes,
  const Inflow* inflow_ = nullptr;                           ///< or whence they come
  std::vector<std::pair<std::string, std::uint64_t>> seen_;  ///< the entries' names and sizes
};

void Unpacking::support_tar() {
  archive_read_support_format_tar(reader_.get());
  archive_read_support_filter_gzip(reader_.get());
  archive_read_support_filter_xz(reader_.get());
}

void Unpacking::run(Inflow& inflow) {
  inflow_ = &inflow;
  try {
    if (inflow.is_zip()) {
      archive_read_support_format_zip_streamable(reader_.get());
    } else {
      support_tar();
    }
    check(inflow.open(reader_.get()));
    unpack_entries();
  } catch (const Error&) {
    inflow.rethrow();
    throw;
  }
}

bool Unpacking::is_told_by(const InputFile& zip) {
  auto entries = read_directory(zip);
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
  const auto is_same = [](const zip::ListedEntry& told, const auto& seen) {
    // A local header says neither what kind of file it is nor who may do what with it.
    const bool plain = told.mode == 0 || ((told.mode & 0100) == 0 && (told.mode & 077) != 0);
    const bool link = told.unix_kind == AE_IFLNK;
    return told.name == seen.first && told.size == seen.second && !told.sized_behind && plain && !link;
  };
  return std::equal(entries.begin(), entries.end(), seen_.begin(), seen_.end(), is_same);
}

std::vector<zip::ListedEntry> Unpacking::read_directory(const InputFile& zip) {
  std::uint64_t total = 0;
  auto entries = zip::read_directory(zip, title_, limits_.max_entries);
  for (const auto& entry : entries) {
    // Each at most 2^64 - 1, hence no sum without a look at each.
    if (entry.size > limits_.max_total_bytes) refuse("it unpacks to more than it should");
    // libarchive would make a plain file of a pipe.
    const auto kind = entry.unix_kind;
    if (kind != 0 && kind != AE_IFREG && kind != AE_IFDIR && kind != AE_IFLNK) {
      refuse("its entry '" + printable(entry.name) + "' is neither file nor folder");
    }
    total += entry.size;
    if (total > limits_.max_total_bytes) refuse("it unpacks to more than it should");
  }
  return entries;
}

void Unpacking::run(const fs::path& file) {
  {
    const InputFile bytes(file);
    packed_ = bytes.size();
    if (zip::looks_like_zip(bytes)) {
      read_directory(bytes);
      // The reader that believes the directory, which is now known to be right.
      archive_read_support_format_zip_seekable(reader_.get());
    } else {
      support_tar();
    }
  }
  check(open_by_name(reader_.get(), file.c_str(), 1 << 16));
  unpack_entries();
}

void Unpacking::unpack_entries() {
  archive_entry* entry = nullptr;
  std::uint64_t entries = 0;
  while (check(archive_read_next_header(reader_.get(), &entry))) {
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
  if (inflow_ != nullptr) {
    seen_.emplace_back(name, static_cast<std::uint64_t>(std::max<la_int64_t>(archive_entry_size(entry), 0)));
  }
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
  write_content(entry, folder_ / place, (permissions & 077) != 0 ? mode : mode & 0700);
}

void Unpacking::account(std::uint64_t bytes) {
  if (bytes > limits_.max_total_bytes) refuse("it unpacks to more than it should");
  total_ += bytes;
  const std::uint64_t packed = inflow_ != nullptr ? inflow_->bytes() : packed_;
  const bool bomb = total_ > ratio_matters_from && total_ / limits_.max_ratio > packed;
  if (bomb || total_ > limits_.max_total_bytes) refuse("it unpacks to more than it should");
}

void Unpacking::write_content(archive_entry* entry, const fs::path& target, unsigned mode) {
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
  // A hole at the end is no block, and nothing that the archives have which are wanted here.
  const auto told = static_cast<std::uint64_t>(std::max<la_int64_t>(archive_entry_size(entry), 0));
  if (archive_entry_size_is_set(entry) != 0 && told != out.size()) {
    account(std::max(told, out.size()) - out.size());
    refuse("its entry '" + printable(target.filename().string()) + "' has another size than it says");
  }
  out.close(mode);
}

}  // namespace

void unpack_archive(const fs::path& archive, const fs::path& folder, const std::string& title,
                    const PlaceEntry& place, const ArchiveLimits& limits, std::stop_token stop) {
  const Utf8Locale locale;
  Unpacking(folder, title, place, limits, std::move(stop)).run(archive);
}

void unpack_arriving_archive(const ArchiveStream& stream, const fs::path& file, const fs::path& folder,
                             const std::string& title, const PlaceEntry& place, const ArchiveLimits& limits,
                             std::stop_token stop) {
  const Utf8Locale locale;
  Inflow inflow(stream);
  Unpacking attempt(folder, title, place, limits, stop);
  bool done = true;
  try {
    attempt.run(inflow);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::integrity || !inflow.is_zip()) throw;
    done = false;
  }
  if (!inflow.is_zip()) return;
  inflow.read_to_end();
  if (done && attempt.is_told_by(InputFile(file))) return;
  empty_folder(folder);
  Unpacking(folder, title, place, limits, std::move(stop)).run(file);
}

}  // namespace opencat
