// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "opencat/openpgp.hpp"

namespace opencat {

/// Where the keys come from with which Node's releases are checked.
///
/// A key counts when its fingerprint is on this build's list (bundle/data/node_release_keys.txt) or among
/// those that the user trusts. `own_file` holds nothing but keys that were so accepted by
/// update_release_keys(), so that each of its keys counts.
struct ReleaseKeySources {
  std::filesystem::path keyring;     ///< taken instead of this build's keys and `own_file`; empty: those
  std::vector<std::string> trusted;  ///< further fingerprints; spaces and case do not matter
  std::filesystem::path own_file;    ///< need not be there; empty: there is no place for one
};

/// The keys that count. Throws Error(usage) for a keyring that is absent or none, and for a fingerprint that
/// is none.
std::unique_ptr<KeyRing> load_release_keys(const ReleaseKeySources& sources);

/// A key of a file that was offered, and whether it was taken.
struct OfferedKey {
  PublicKey key;
  bool taken;
};

/// Takes the keys that count from `bytes` (`name` in messages) into `sources.own_file`, mode 0600, beside
/// those that are there. Throws Error(usage) when none of them counts; nothing is changed then.
std::vector<OfferedKey> update_release_keys(const ReleaseKeySources& sources, const std::string& bytes,
                                            const std::string& name);

}  // namespace opencat
