// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>

#include "server/http/channel.hpp"

namespace opencat::http {

/// TLS 1.2 and 1.3 towards clients, with HTTP/1.1 by ALPN and session tickets. A certificate is read once;
/// for a new one another factory is made, and channels of the old one go on.
///
/// `certificate` is a PEM file with the server's certificate first and those above it behind, `key` one with
/// its private key, not encrypted. Throws Error(usage) for files that cannot be read or do not belong
/// together. The process must ignore SIGPIPE.
std::shared_ptr<const ChannelFactory> make_tls(const std::filesystem::path& certificate,
                                               const std::filesystem::path& key);

}  // namespace opencat::http
