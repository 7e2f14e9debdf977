// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace opencat {

/// Whether `signature` (base64 of DER) is that of `message` by the key: ECDSA over P-256 with SHA-256, the
/// key as base64 of its SubjectPublicKeyInfo (RFC 5480). False, too, for anything that is no such key or
/// signature.
bool is_ecdsa_signature(std::string_view key, std::string_view message, std::string_view signature);

}  // namespace opencat
