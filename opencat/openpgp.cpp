// SPDX-License-Identifier: MIT
// The only file that includes <rnp/rnp.h>.
#include "opencat/openpgp.hpp"

#include <algorithm>
#include <mutex>
#include <optional>

#include <rnp/rnp.h>
#include <rnp/rnp_err.h>

#include "opencat/descriptor.hpp"
#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* handle) const {
    Free(handle);
  }
};
template <class Handle, auto Free>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, Deleter<Free>>;

using Ffi = Owned<rnp_ffi_t, rnp_ffi_destroy>;
using Input = Owned<rnp_input_t, rnp_input_destroy>;
using Output = Owned<rnp_output_t, rnp_output_destroy>;
using Verification = Owned<rnp_op_verify_t, rnp_op_verify_destroy>;
using Key = Owned<rnp_key_handle_t, rnp_key_handle_destroy>;
using Signature = Owned<rnp_signature_handle_t, rnp_signature_handle_destroy>;
using Identifiers = Owned<rnp_identifier_iterator_t, rnp_identifier_iterator_destroy>;

/// SHASUMS256.txt has a few kilobytes; what unpacks to more is none.
constexpr std::size_t max_signed_text = 4u << 20;

/// librnp tells stderr what it finds odd in a file, and has no switch against it as Debian builds it
/// (https://github.com/rnpgp/rnp/issues/1158). Our errors say what matters in one line, so stderr leads
/// nowhere while this lives: a few milliseconds before downloads begin. One at a time.
class QuietStderr {
 public:
  QuietStderr() = default;
  QuietStderr(const QuietStderr&) = delete;
  QuietStderr& operator=(const QuietStderr&) = delete;
  ~QuietStderr() { descriptor::restore_stderr(kept_); }

 private:
  static std::mutex& one() {
    static std::mutex mutex;
    return mutex;
  }
  std::lock_guard<std::mutex> lock_{one()};
  int kept_ = descriptor::silence_stderr();
};

/// A call of librnp that can fail for want of memory only.
void must(rnp_result_t result) {
  if (result != RNP_SUCCESS) {
    throw Error(ErrorKind::failed, "OpenPGP failed", rnp_result_to_string(result));
  }
}

Input input_of(std::string_view bytes) {
  // Without a byte there is nothing that librnp would take.
  static constexpr std::uint8_t nothing = 0;
  const auto* data = bytes.empty() ? &nothing : reinterpret_cast<const std::uint8_t*>(bytes.data());
  rnp_input_t input = nullptr;
  must(rnp_input_from_memory(&input, data, std::max<std::size_t>(bytes.size(), 1), false));
  return Input(input);
}

Output memory_output(std::size_t limit) {
  rnp_output_t output = nullptr;
  must(rnp_output_to_memory(&output, limit));
  return Output(output);
}

std::string bytes_of(const Output& output) {
  std::uint8_t* data = nullptr;
  std::size_t size = 0;
  must(rnp_output_memory_get_buf(output.get(), &data, &size, false));
  return {reinterpret_cast<const char*>(data), size};
}

/// Calls get(handle, &text); "" when there is none.
template <class Handle, class Get>
std::string text_from(Handle handle, Get get) {
  char* text = nullptr;
  if (get(handle, &text) != RNP_SUCCESS || text == nullptr) return {};
  std::string result = text;
  rnp_buffer_destroy(text);
  return result;
}

template <class Get>
bool ask(rnp_key_handle_t key, Get get) {
  bool answer = false;
  return get(key, &answer) == RNP_SUCCESS && answer;
}

Key find(rnp_ffi_t ffi, const std::string& fingerprint) {
  rnp_key_handle_t key = nullptr;
  must(rnp_locate_key(ffi, "fingerprint", fingerprint.c_str(), &key));
  return Key(key);
}

/// Why the key could not sign at `time` (seconds since 1970); nothing: it could.
std::optional<std::string> objection(rnp_key_handle_t key, std::uint64_t time) {
  if (ask(key, rnp_key_is_revoked) && !ask(key, rnp_key_is_superseded) && !ask(key, rnp_key_is_retired)) {
    return "was revoked";
  }
  std::uint32_t created = 0;
  std::uint64_t until = 0;
  must(rnp_key_get_creation(key, &created));
  must(rnp_key_valid_till64(key, &until));
  if (time < created) return "was made after the signature";
  if (until == 0) return "is not valid";
  if (time > until) return "had expired or was revoked when it signed";
  return std::nullopt;
}

/// The primary key's fingerprint if the signature counts; else the reason, put into `why`.
std::string judge(rnp_ffi_t ffi, rnp_op_verify_signature_t signature, std::uint64_t now, std::string& why) {
  const rnp_result_t status = rnp_op_verify_signature_get_status(signature);
  rnp_signature_handle_t raw = nullptr;
  must(rnp_op_verify_signature_get_handle(signature, &raw));
  const Signature handle(raw);
  std::string signer = text_from(raw, rnp_signature_get_key_fprint);
  if (signer.empty()) signer = text_from(raw, rnp_signature_get_keyid);
  if (status == RNP_ERROR_KEY_NOT_FOUND) {
    why = "it was signed by the key " + signer + ", which is not among those trusted";
    return {};
  }
  rnp_key_handle_t found = nullptr;
  const bool known = rnp_op_verify_signature_get_key(signature, &found) == RNP_SUCCESS && found != nullptr;
  const Key key(found);
  std::uint32_t time = 0;
  std::uint32_t lifetime = 0;
  must(rnp_op_verify_signature_get_times(signature, &time, &lifetime));
  Key primary;
  if (known) {
    std::string fingerprint = text_from(found, rnp_key_get_primary_fprint);
    if (fingerprint.empty()) fingerprint = text_from(found, rnp_key_get_fprint);
    primary = find(ffi, fingerprint);
    signer = fingerprint;
    // Before the status: librnp calls a signature of such a key just invalid.
    for (rnp_key_handle_t each : {found, primary.get()}) {
      const auto reason =
          each == nullptr ? std::optional<std::string>("is not known") : objection(each, time);
      if (!reason) continue;
      why = "it was signed by the key " + signer + ", which " + *reason;
      return {};
    }
  }
  // librnp calls one from the future expired.
  if (time > now + std::uint64_t{24} * 3600) {
    why = "its signature is from the future; is this machine's clock right?";
  } else if (status == RNP_ERROR_SIGNATURE_EXPIRED) {
    why = "its signature has expired";
  } else if (status != RNP_SUCCESS || !known) {
    why = "its signature is wrong: it is not what was signed";
  } else {
    return signer;
  }
  return {};
}

/// Runs the check and gives back the fingerprint of the first signature that counts.
std::string signer_of(rnp_ffi_t ffi, const Verification& verification, const std::string& what, Time now) {
  // Its result says whether all signatures are right; each is looked at below.
  const rnp_result_t result = rnp_op_verify_execute(verification.get());
  std::size_t count = 0;
  must(rnp_op_verify_get_signature_count(verification.get(), &count));
  std::string why = "there is no signature in it";
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  for (std::size_t i = 0; i < count; ++i) {
    rnp_op_verify_signature_t signature = nullptr;
    must(rnp_op_verify_get_signature_at(verification.get(), i, &signature));
    std::string signer = judge(ffi, signature, static_cast<std::uint64_t>(seconds), why);
    if (!signer.empty()) return signer;
  }
  throw Error(ErrorKind::integrity, what + " cannot be trusted: " + why, rnp_result_to_string(result));
}

}  // namespace

namespace {

/// The armoured blocks of a file, in which people put blank lines and words between them; or all of it.
std::vector<std::string_view> blocks_of(std::string_view keys) {
  constexpr std::string_view begin = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
  constexpr std::string_view end = "-----END PGP PUBLIC KEY BLOCK-----";
  std::vector<std::string_view> blocks;
  for (std::size_t at = 0; (at = keys.find(begin, at)) != keys.npos;) {
    const std::size_t last = keys.find(end, at);
    const std::size_t size = last == keys.npos ? keys.size() - at : last + end.size() - at;
    blocks.push_back(keys.substr(at, size));
    at += size;
  }
  if (blocks.empty()) blocks.push_back(keys);
  return blocks;
}

}  // namespace

struct KeyRing::State {
  Ffi ffi;
};

KeyRing::KeyRing() : state_(std::make_unique<State>()) {
  rnp_ffi_t ffi = nullptr;
  must(rnp_ffi_create(&ffi, "GPG", "GPG"));
  state_->ffi.reset(ffi);
}

KeyRing::~KeyRing() = default;

void KeyRing::add(std::string_view keys, const std::string& name) {
  const QuietStderr quiet;
  // GnuPG's keybox, which is what nodejs/release-keys offers, says so behind its first block's length.
  const bool keybox = keys.size() > 12 && keys.substr(8, 4) == "KBXf";
  for (const std::string_view block : keybox ? std::vector{keys} : blocks_of(keys)) {
    const Input input = input_of(block);
    const rnp_result_t result =
        keybox ? rnp_load_keys(state_->ffi.get(), "KBX", input.get(), RNP_LOAD_SAVE_PUBLIC_KEYS)
               : rnp_import_keys(state_->ffi.get(), input.get(),
                                 RNP_LOAD_SAVE_PUBLIC_KEYS | RNP_LOAD_SAVE_PERMISSIVE, nullptr);
    if (result == RNP_SUCCESS) continue;
    throw Error(ErrorKind::usage, name + " holds no OpenPGP keys", rnp_result_to_string(result));
  }
}

std::vector<PublicKey> KeyRing::keys() const {
  const QuietStderr quiet;
  rnp_identifier_iterator_t raw = nullptr;
  must(rnp_identifier_iterator_create(state_->ffi.get(), &raw, "fingerprint"));
  const Identifiers identifiers(raw);
  std::vector<PublicKey> found;
  const char* fingerprint = nullptr;
  while (rnp_identifier_iterator_next(raw, &fingerprint) == RNP_SUCCESS && fingerprint != nullptr) {
    const Key key = find(state_->ffi.get(), fingerprint);
    if (!key || !ask(key.get(), rnp_key_is_primary)) continue;
    std::string state;
    if (ask(key.get(), rnp_key_is_valid)) {
      state = "valid";
    } else if (ask(key.get(), rnp_key_is_revoked)) {
      state = "revoked";
    } else if (ask(key.get(), rnp_key_is_expired)) {
      state = "expired";
    }
    found.push_back({fingerprint, printable(text_from(key.get(), rnp_key_get_primary_uid)), state});
  }
  std::sort(found.begin(), found.end(),
            [](const PublicKey& a, const PublicKey& b) { return a.fingerprint < b.fingerprint; });
  return found;
}

std::string KeyRing::armored(const std::string& fingerprint) const {
  const Key key = find(state_->ffi.get(), fingerprint);
  if (!key) throw Error(ErrorKind::usage, "there is no key " + fingerprint);
  const Output output = memory_output(0);
  must(rnp_key_export(key.get(), output.get(),
                      RNP_KEY_EXPORT_ARMORED | RNP_KEY_EXPORT_PUBLIC | RNP_KEY_EXPORT_SUBKEYS));
  return bytes_of(output);
}

std::string KeyRing::verify_detached(std::string_view text, std::string_view signature,
                                     const std::string& what, Time now) const {
  const QuietStderr quiet;
  const Input data = input_of(text);
  const Input proof = input_of(signature);
  rnp_op_verify_t raw = nullptr;
  must(rnp_op_verify_detached_create(&raw, state_->ffi.get(), data.get(), proof.get()));
  return signer_of(state_->ffi.get(), Verification(raw), what, now);
}

KeyRing::SignedText KeyRing::verify_clearsigned(std::string_view signed_text, const std::string& what,
                                                Time now) const {
  // librnp would take an encrypted or packed message here, too.
  if (trim(signed_text).rfind("-----BEGIN PGP SIGNED MESSAGE-----", 0) != 0) {
    throw Error(ErrorKind::integrity, what + " cannot be trusted: it is no clear-signed text");
  }
  const QuietStderr quiet;
  const Input input = input_of(signed_text);
  const Output output = memory_output(max_signed_text);
  rnp_op_verify_t raw = nullptr;
  must(rnp_op_verify_create(&raw, state_->ffi.get(), input.get(), output.get()));
  std::string signer = signer_of(state_->ffi.get(), Verification(raw), what, now);
  return {bytes_of(output), std::move(signer)};
}

}  // namespace opencat
