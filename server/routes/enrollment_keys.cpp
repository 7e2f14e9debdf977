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
/// Of a shared store's text with the keys, and how often it is looked at.
constexpr const char* shared_name = "enroll-keys";
constexpr std::chrono::milliseconds look_every{800};

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

std::string kept_secret(const fs::path& file, Entropy& entropy, AdminStore& store) {
  std::string own = kept_secret(file, entropy);
  std::string secret = store.shared_text(file.filename().string(), own);
  if (secret != own) write_file_atomically(file, secret + "\n", FileMode::secret);
  return secret;
}

EnrollmentKeys::EnrollmentKeys(std::string given, Clock& clock) : clock_(clock) {
  keys_.current = std::move(given);
}

EnrollmentKeys::EnrollmentKeys(fs::path file, Clock& clock, Entropy& entropy, AdminStore& store)
    : file_(std::move(file)), clock_(clock), entropy_(&entropy) {
  keys_.current = kept_secret(file_, entropy);
  if (const auto before = read_file_if_there(before_file(), 64 << 10)) keys_.before = parse_before(*before);
  if (!store.is_shared()) return;
  store_ = &store;
  follow(store.shared_text(shared_name, text_of(keys_)));
  follower_ = std::jthread([this](const std::stop_token& stop) { follow_others(stop); });
}

EnrollmentKeys::~EnrollmentKeys() = default;

std::string EnrollmentKeys::current() const {
  const std::lock_guard lock(mutex_);
  return keys_.current;
}

bool EnrollmentKeys::knows(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const Time now = clock_.now();
  bool known = equal_in_constant_time(key, keys_.current);
  for (const Before& before : keys_.before) {
    // Each is compared, so that the time tells nothing.
    const bool same = equal_in_constant_time(key, before.key);
    known = known || (same && now < before.until);
  }
  return known;
}

EnrollmentKeys::Rotated EnrollmentKeys::rotate(std::chrono::seconds old_valid) {
  if (file_.empty()) {
    throw Error(ErrorKind::usage,
                "the enrolment key is set by the operator's settings (--enroll-key, OPENCAT_ENROLL_KEY or "
                "enroll_key in the configuration file); change it there");
  }
  const Time now = clock_.now();
  const std::string key = random_hex(*entropy_, 24);
  if (store_ != nullptr) {
    follow(store_->change_shared_text(shared_name, [&](const std::string& text) {
      return text_of(rotated(parse(text), key, now, old_valid));
    }));
  } else {
    const std::lock_guard lock(mutex_);
    Keys keys = rotated(keys_, key, now, old_valid);
    keep_in_files(keys);
    keys_ = std::move(keys);
  }
  return {key, now + old_valid};
}

EnrollmentKeys::Keys EnrollmentKeys::rotated(Keys keys, const std::string& key, Time now,
                                             std::chrono::seconds old_valid) const {
  std::erase_if(keys.before, [&](const Before& old) { return old.until <= now; });
  if (old_valid.count() > 0) keys.before.push_back({keys.current, now + old_valid});
  if (keys.before.size() > max_before) keys.before.erase(keys.before.begin());
  keys.current = key;
  return keys;
}

void EnrollmentKeys::keep_in_files(const Keys& keys) const {
  // The old one first: a crash between the two writes must not shut out the bundles that are on their way.
  write_file_atomically(before_file(), before_text(keys.before), FileMode::secret);
  write_file_atomically(file_, keys.current + "\n", FileMode::secret);
}

/// Takes over what the shared store has.
void EnrollmentKeys::follow(const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (text == text_of(keys_)) return;
  keys_ = parse(text);
  keep_in_files(keys_);
}

void EnrollmentKeys::follow_others(const std::stop_token& stop) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  while (!stopped_.wait_for(lock, stop, look_every, [&] { return stop.stop_requested(); })) {
    try {
      follow(store_->shared_text(shared_name, {}));
    } catch (const Error&) {
      // The database is away, which whoever needs it says; the keys are those of before.
    }
  }
}

fs::path EnrollmentKeys::before_file() const { return file_.string() + "-before"; }

/// A line per key: the key, and until when in milliseconds since 1970.
std::vector<EnrollmentKeys::Before> EnrollmentKeys::parse_before(const std::string& lines) {
  std::vector<Before> before;
  for (const std::string& line : split(lines, '\n')) {
    const std::vector<std::string> words = split(line, ' ');
    std::int64_t until = 0;
    if (words.size() < 2) continue;
    std::from_chars(words[1].data(), words[1].data() + words[1].size(), until);
    before.push_back({words[0], Time(std::chrono::milliseconds(until))});
  }
  return before;
}

std::string EnrollmentKeys::before_text(const std::vector<Before>& before) {
  std::string text;
  for (const Before& old : before) {
    text += old.key + " " + std::to_string(old.until.time_since_epoch().count()) + " (valid until " +
            iso8601(old.until) + ")\n";
  }
  return text;
}

/// The current key in the first line, and then those before it.
EnrollmentKeys::Keys EnrollmentKeys::parse(const std::string& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  return {text.substr(0, end), parse_before(text.substr(end))};
}

std::string EnrollmentKeys::text_of(const Keys& keys) {
  return keys.current + "\n" + before_text(keys.before);
}

}  // namespace opencat::routes
