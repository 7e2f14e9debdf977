// SPDX-License-Identifier: MIT
#include "bundle/zip_entry.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "opencat/digest.hpp"
#include "opencat/error.hpp"
#include "opencat/parallel.hpp"
#include "opencat/random_access.hpp"

namespace opencat {

namespace {

constexpr std::uint64_t at_once = 16 << 20;

Buffer content_of(const ZipEntry& entry) {
  if (const auto* bytes = std::get_if<std::string>(&entry.content)) {
    Buffer content = Buffer::of(bytes->size());
    std::copy(bytes->begin(), bytes->end(), content.bytes.get());
    return content;
  }
  const InputFile file(std::get<std::filesystem::path>(entry.content));
  Buffer content = Buffer::of(file.size());
  file.read(0, {content.bytes.get(), content.size});
  return content;
}

/// Workers take the entries in their order; the one who hands them on waits for the next in order.
class Packing {
 public:
  explicit Packing(const std::vector<ZipEntry>& entries) : entries_(entries), results_(entries.size()) {
    for (const ZipEntry& entry : entries) sizes_.push_back(size_of(entry));
    // So large that what is small can be packed while the largest is.
    if (!sizes_.empty()) room_ = *std::max_element(sizes_.begin(), sizes_.end()) + at_once;
  }

  void work() {
    Deflater deflater;
    while (const auto index = next()) {
      PackedEntry result;
      try {
        Buffer content = content_of(entries_[*index]);
        result.sha256 = sha256_hex(content.view());
        result.packed = deflater.pack(std::move(content));
      } catch (...) {
        return end(std::current_exception());
      }
      const std::lock_guard lock(mutex_);
      results_[*index] = std::move(result);
      changed_.notify_all();
    }
  }

  void hand_on(const std::function<void(const ZipEntry&, PackedEntry)>& take) {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return results_[i] || ended_; });
      if (failure_) std::rethrow_exception(failure_);
      if (ended_) throw Error(ErrorKind::interrupted, "interrupted");
      PackedEntry result = std::move(*results_[i]);
      results_[i].reset();
      lock.unlock();
      take(entries_[i], std::move(result));
      lock.lock();
      room_ += sizes_[i];
      changed_.notify_all();
    }
  }

  void end(std::exception_ptr failure) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(failure);
    ended_ = true;
    changed_.notify_all();
  }

 private:
  /// The entry to pack next, once there is room for it; nothing when there is none, or all is over.
  std::optional<std::size_t> next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_ || next_ == entries_.size() || sizes_[next_] <= room_; });
    if (ended_ || next_ == entries_.size()) return std::nullopt;
    room_ -= sizes_[next_];
    return next_++;
  }

  const std::vector<ZipEntry>& entries_;
  std::vector<std::uint64_t> sizes_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::optional<PackedEntry>> results_;
  std::uint64_t room_ = at_once;
  std::size_t next_ = 0;
  bool ended_ = false;
  std::exception_ptr failure_;
};

/// Nobody waits for what comes no more, however it ends.
struct Ending {
  Packing& packing;
  ~Ending() { packing.end(nullptr); }
};

}  // namespace

std::uint64_t size_of(const ZipEntry& entry) {
  if (const auto* bytes = std::get_if<std::string>(&entry.content)) return bytes->size();
  const auto& path = std::get<std::filesystem::path>(entry.content);
  std::error_code problem;
  const std::uint64_t size = std::filesystem::file_size(path, problem);
  if (problem) throw Error(ErrorKind::failed, "cannot read " + path.string() + ": " + problem.message());
  return size;
}

void pack_entries(const std::vector<ZipEntry>& entries, unsigned threads, const std::stop_token& stop,
                  const std::function<void(const ZipEntry&, PackedEntry)>& take) {
  Packing packing(entries);
  const std::size_t wanted = std::min<std::size_t>(entries.size(), threads == 0 ? usable_threads() : threads);
  std::vector<std::jthread> workers;
  // Behind the workers, so that it wakes those who wait before they are waited for.
  const Ending ending{packing};
  const std::stop_callback on_stop(stop, [&] { packing.end(nullptr); });
  for (std::size_t i = 0; i < wanted; ++i) workers.emplace_back([&] { packing.work(); });
  packing.hand_on(take);
}

}  // namespace opencat
