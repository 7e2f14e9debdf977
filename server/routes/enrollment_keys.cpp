// SPDX-License-Identifier: MIT
#include "server/routes/enrollment_keys.hpp"

#include <algorithm>
#include <charconv>

#include "opencat/digest.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/text.hpp"

namespace opencat::routes {

namespace fs = std::filesystem;

namespace {

/// Keys before the current one; beyond it the oldest ends early.
constexpr std::size_t max_before = 16;

}  // namespace

std::string kept_secret(const fs::path& file, Entropy& entropy) {
  if (const auto kept = read_file_if_there(file, 4096)) {
    std::string secret(trim(*kept));
    if (secret.size() < 16) {
      throw Error(ErrorKind::usage,
                  file.string() + " holds no usable secret; remove it, and a new one is made");
    }
    return secret;
  }
  std::string secret = random_hex(entropy, 24);
  write_file_atomically(file, secret + "\n", FileMode::secret);
  return secret;
}

EnrollmentKeys::EnrollmentKeys(std::string given, Clock& clock) : clock_(clock), current_(std::move(given)) {}

EnrollmentKeys::EnrollmentKeys(fs::path file, Clock& clock, Entropy& entropy)
    : file_(std::move(file)), clock_(clock), entropy_(&entropy), current_(kept_secret(file_, entropy)) {
  read_before();
}

std::string EnrollmentKeys::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

bool EnrollmentKeys::knows(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const Time now = clock_.now();
  bool known = equal_in_constant_time(key, current_);
  for (const Before& before : before_) {
    // Each is compared, so that the time tells nothing.
    const bool same = equal_in_constant_time(key, before.key);
    known = known || (same && now < before.until);
  }
  return known;
}

EnrollmentKeys::Rotated EnrollmentKeys::rotate(std::chrono::seconds old_valid) {
  const std::lock_guard lock(mutex_);
  if (file_.empty()) {
    throw Error(ErrorKind::usage,
                "the enrolment key is set by the operator's settings (--enroll-key, OPENCAT_ENROLL_KEY or "
                "enroll_key in the configuration file); change it there");
  }
  const Time now = clock_.now();
  std::vector<Before> before = before_;
  std::erase_if(before, [&](const Before& old) { return old.until <= now; });
  if (old_valid.count() > 0) before.push_back({current_, now + old_valid});
  if (before.size() > max_before) before.erase(before.begin());
  const std::string key = random_hex(*entropy_, 24);
  // The old one first: a crash between the two writes must not shut out the bundles that are on their way.
  before_.swap(before);
  try {
    write_file_atomically(before_file(), before_text(), FileMode::secret);
    write_file_atomically(file_, key + "\n", FileMode::secret);
  } catch (...) {
    before_.swap(before);
    throw;
  }
  current_ = key;
  return {key, now + old_valid};
}

fs::path EnrollmentKeys::before_file() const { return file_.string() + "-before"; }

/// A line per key: the key, and until when in milliseconds since 1970.
void EnrollmentKeys::read_before() {
  const auto text = read_file_if_there(before_file(), 64 << 10);
  if (!text) return;
  for (const std::string& line : split(*text, '\n')) {
    const std::vector<std::string> words = split(line, ' ');
    std::int64_t until = 0;
    if (words.size() < 2) continue;
    std::from_chars(words[1].data(), words[1].data() + words[1].size(), until);
    before_.push_back({words[0], Time(std::chrono::milliseconds(until))});
  }
}

std::string EnrollmentKeys::before_text() const {
  std::string text;
  for (const Before& old : before_) {
    text += old.key + " " + std::to_string(old.until.time_since_epoch().count()) + " (valid until " +
            iso8601(old.until) + ")\n";
  }
  return text;
}

}  // namespace opencat::routes
