// SPDX-License-Identifier: MIT
#include "opencat/ca_file.hpp"

namespace opencat {

namespace fs = std::filesystem;

std::string system_ca_file(const std::string& usual, const fs::path& root) {
  for (const std::string& file : {
           usual,
           std::string("/etc/ssl/certs/ca-certificates.crt"),                 // Debian, Ubuntu, Arch, Gentoo
           std::string("/etc/pki/tls/certs/ca-bundle.crt"),                   // Fedora, RHEL 6
           std::string("/etc/ssl/ca-bundle.pem"),                             // openSUSE
           std::string("/etc/pki/tls/cacert.pem"),                            // OpenELEC
           std::string("/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"),  // RHEL 7 and newer
           std::string("/etc/ssl/cert.pem"),                                  // Alpine, macOS
       }) {
    std::error_code ignored;
    const fs::path place = root / fs::path(file).relative_path();
    if (!file.empty() && fs::is_regular_file(place, ignored)) return place.string();
  }
  return {};
}

}  // namespace opencat
