// SPDX-License-Identifier: MIT
#include "bundle/release_keys.hpp"

#include <algorithm>

#include "opencat/assets.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace {

constexpr std::size_t fingerprint_digits = 40;

/// "108F 52B4 …" as gpg prints it → its digits in upper case.
std::string checked_fingerprint(const std::string& text) {
  std::string digits;
  for (const char c : text) {
    if (c == ' ') continue;
    digits += c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  // A short key id is no name: somebody else's key with the same one takes minutes to make.
  if (digits.size() != fingerprint_digits ||
      digits.find_first_not_of("0123456789ABCDEF") != std::string::npos) {
    throw Error(ErrorKind::usage,
                "--trust-key wants a key's whole fingerprint (40 hex digits, as 'gpg "
                "--show-keys' prints it), not '" +
                    text + "'");
  }
  return digits;
}

std::vector<std::string> accepted_fingerprints(const ReleaseKeySources& sources) {
  std::vector<std::string> accepted;
  for (const std::string& line : split(std::string(asset("data/node_release_keys.txt")), '\n')) {
    if (line.size() > fingerprint_digits && line[0] != '#') {
      accepted.push_back(line.substr(0, fingerprint_digits));
    }
  }
  for (const std::string& text : sources.trusted) accepted.push_back(checked_fingerprint(text));
  return accepted;
}

/// Adds those keys of `from` to `ring` that are accepted.
void add_accepted(KeyRing& ring, const KeyRing& from, const std::vector<std::string>& accepted,
                  const std::string& name) {
  for (const PublicKey& key : from.keys()) {
    if (contains(accepted, key.fingerprint)) ring.add(from.armored(key.fingerprint), name);
  }
}

}  // namespace

std::unique_ptr<KeyRing> load_release_keys(const ReleaseKeySources& sources) {
  const std::vector<std::string> accepted = accepted_fingerprints(sources);
  auto ring = std::make_unique<KeyRing>();
  if (!sources.keyring.empty()) {
    KeyRing named;
    named.add(read_file(sources.keyring), sources.keyring.string());
    add_accepted(*ring, named, accepted, sources.keyring.string());
    return ring;
  }
  ring->add(asset("data/node_release_keys.asc"), "this build's list of keys");
  if (sources.own_file.empty()) return ring;
  const auto own = read_file_if_there(sources.own_file);
  if (own) ring->add(*own, sources.own_file.string());
  return ring;
}

std::vector<OfferedKey> update_release_keys(const ReleaseKeySources& sources, const std::string& bytes,
                                            const std::string& name) {
  const std::vector<std::string> accepted = accepted_fingerprints(sources);
  KeyRing offered;
  offered.add(bytes, name);
  std::vector<OfferedKey> result;
  for (PublicKey& key : offered.keys()) {
    const bool taken = contains(accepted, key.fingerprint);
    result.push_back({std::move(key), taken});
  }
  if (std::none_of(result.begin(), result.end(), [](const OfferedKey& one) { return one.taken; })) {
    throw Error(ErrorKind::usage, "none of the " + std::to_string(result.size()) + " keys in " + name +
                                      " is known to sign Node's releases; if you are sure that one is, say "
                                      "so with --trust-key FINGERPRINT");
  }
  KeyRing own;
  const auto before = read_file_if_there(sources.own_file);
  if (before) own.add(*before, sources.own_file.string());
  add_accepted(own, offered, accepted, name);
  std::string text;
  for (const PublicKey& key : own.keys()) text += own.armored(key.fingerprint) + "\n";
  make_folders(sources.own_file.parent_path(), 0700);
  write_file_atomically(sources.own_file, text, FileMode::secret);
  return result;
}

}  // namespace opencat
