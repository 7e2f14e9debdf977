// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "opencat/clock.hpp"

namespace opencat {

/// One public key: the primary one, with its subkeys.
struct PublicKey {
  std::string fingerprint;  ///< of the primary key: 40 hex digits in upper case (64 for version 6)
  std::string holder;       ///< its first user id, with control characters replaced; empty: none
  std::string state;        ///< "valid", "expired", "revoked"; empty: not self-signed, and of no use
};

/// Public keys, and the check of signatures against them (OpenPGP, https://www.rfc-editor.org/rfc/rfc4880).
/// Not for use from two threads at once.
class KeyRing {
 public:
  KeyRing();
  ~KeyRing();
  KeyRing(const KeyRing&) = delete;
  KeyRing& operator=(const KeyRing&) = delete;

  /// Takes keys in, armoured or binary; what is known already of a key is added to. `name` is their file in
  /// messages. Throws Error(usage) when they are no OpenPGP keys.
  void add(std::string_view keys, const std::string& name);

  /// In the order of their fingerprints.
  std::vector<PublicKey> keys() const;
  /// The key in its armour; throws Error(usage) when it is not here.
  std::string armored(const std::string& fingerprint) const;

  /// The fingerprint of the primary key that made the detached `signature` over `text`.
  ///
  /// A signature counts when it is right, not in the future, and its key (the signing subkey and the primary
  /// one) was valid when it was made; a revoked key never does, unless it was merely retired or superseded
  /// later. SHA-1 and older do not count since 2019. With several signatures, the first that counts is it.
  /// Throws Error(integrity) saying why none does; `what` names the signed thing, e.g. "SHASUMS256.txt".
  std::string verify_detached(std::string_view text, std::string_view signature, const std::string& what,
                              Time now) const;

  /// What was signed, with the fingerprint of who did.
  struct SignedText {
    std::string text;
    std::string fingerprint;
  };
  /// The same for a clear-signed text (section 7). Only the text given back was signed: what stands before or
  /// behind it was not.
  SignedText verify_clearsigned(std::string_view signed_text, const std::string& what, Time now) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace opencat
