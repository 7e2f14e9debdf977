// SPDX-License-Identifier: MIT
#include "opencat/file.hpp"

#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

#include "opencat/busy_file.hpp"
#include "opencat/descriptor.hpp"
#include "opencat/error.hpp"

namespace opencat {

namespace fs = std::filesystem;

namespace {

/// Closes a descriptor when it leaves its scope.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) descriptor::close(value_);
  }
  int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }
  /// Before its scope ends, for Windows renames and removes a closed file more readily.
  void close() {
    if (value_ >= 0) descriptor::close(std::exchange(value_, -1));
  }

 private:
  int value_;
};

void rename_stubbornly(const fs::path& from, const fs::path& to, const std::string& failure) {
  retry_while_busy(failure, [&] { return descriptor::rename(from, to); });
}

}  // namespace

std::optional<std::string> read_file_if_there(const fs::path& file, std::uintmax_t limit) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw system_error("cannot read " + file.string());
  }
  std::string bytes;
  char buffer[1 << 14];
  while (in.read(buffer, sizeof buffer), in.gcount() > 0) {
    bytes.append(buffer, static_cast<std::size_t>(in.gcount()));
    if (bytes.size() > limit) {
      throw Error(ErrorKind::usage, file.string() + " is larger than " + std::to_string(limit) + " bytes");
    }
  }
  if (in.bad()) throw Error(ErrorKind::failed, "cannot read " + file.string());
  return bytes;
}

std::string read_file(const fs::path& file, std::uintmax_t limit) {
  auto bytes = read_file_if_there(file, limit);
  if (!bytes) throw Error(ErrorKind::usage, "there is no file " + file.string());
  return std::move(*bytes);
}

void write_file_atomically(const fs::path& file, std::string_view bytes, FileMode mode) {
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  make_folders(folder);
  fs::path hidden = ".";
  hidden += file.filename();
  hidden += ".XXXXXX";
  fs::path name = folder / hidden;
  Descriptor made(descriptor::temporary_file(name));
  if (made.get() < 0) throw system_error("cannot write in " + folder.string());
  try {
    if (!descriptor::write(made.get(), bytes).empty() ||
        !descriptor::set_mode(made.get(), static_cast<unsigned>(mode)) || !descriptor::sync(made.get())) {
      throw system_error("cannot write " + file.string());
    }
    made.close();
    rename_stubbornly(name, file, "cannot write " + file.string());
  } catch (...) {
    std::error_code ignored;
    made.close();
    fs::remove(name, ignored);
    throw;
  }
}

void rename_file(const fs::path& from, const fs::path& to) {
  rename_stubbornly(from, to, "cannot make " + to.string() + " of " + from.string());
}

void make_folders(const fs::path& folder, unsigned mode) {
  if (folder.empty() || fs::is_directory(folder)) return;
  make_folders(folder.parent_path(), mode);
  if (!descriptor::make_folder(folder, mode) && errno != EEXIST) {
    throw system_error("cannot make the folder " + folder.string());
  }
  if (!fs::is_directory(folder)) {
    throw Error(ErrorKind::usage, folder.string() + " is in the way: a folder is needed there");
  }
}

void empty_folder(const fs::path& folder) {
  fs::remove_all(folder);
  make_folders(folder);
}

TemporaryFolder::TemporaryFolder(const fs::path& parent, const std::string& prefix) {
  make_folders(parent);
  fs::path name = parent / (prefix + "XXXXXX");
  if (!descriptor::temporary_folder(name)) throw system_error("cannot make a folder in " + parent.string());
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

void TemporaryFolder::keep_as(const fs::path& target) {
  make_folders(target.parent_path());
  rename_stubbornly(path_, target, "cannot make " + target.string());
  path_.clear();
}

FileLock::FileLock(const fs::path& file, Wait wait, const std::string& busy_message) {
  make_folders(file.parent_path());
  Descriptor opened(descriptor::open(file, descriptor::Opening::modify));
  if (opened.get() < 0) throw system_error("cannot open the lock " + file.string());
  if (!descriptor::lock(opened.get(), wait == Wait::until_free)) {
    if (errno == EWOULDBLOCK) throw Error(ErrorKind::unavailable, busy_message);
    throw system_error("cannot lock " + file.string());
  }
  descriptor_ = opened.release();
}

FileLock::~FileLock() { release(); }

void FileLock::release() {
  if (descriptor_ >= 0) descriptor::close(std::exchange(descriptor_, -1));
}

}  // namespace opencat
