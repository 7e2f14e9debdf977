// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>

namespace opencat {

/// Where this system keeps the certificates it trusts, as one file of PEM: `usual` if it is there, else the
/// first that is of those of other systems, for one executable runs on all of them. "" when there is none.
/// Places below `root`; as in https://go.dev/src/crypto/x509/root_linux.go.
std::string system_ca_file(const std::string& usual, const std::filesystem::path& root = "/");

}  // namespace opencat
