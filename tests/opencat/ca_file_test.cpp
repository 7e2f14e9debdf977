// SPDX-License-Identifier: MIT
#include "opencat/ca_file.hpp"

#include <fstream>

#include "opencat/file.hpp"
#include "tests/catch.hpp"

namespace fs = std::filesystem;

TEST_CASE("the system's certificates are found where each system keeps them") {
  const opencat::TemporaryFolder folder(fs::temp_directory_path(), "opencat-ca-");
  const auto put = [&](const std::string& name) {
    fs::create_directories((folder.path() / name).parent_path());
    std::ofstream(folder.path() / name) << "-----BEGIN CERTIFICATE-----\n";
  };
  const auto found = [&](const std::string& usual = "/usual.pem") {
    return opencat::system_ca_file(usual, folder.path());
  };
  CHECK(found() == "");
  fs::create_directories(folder.path() / "etc/ssl/ca-bundle.pem");  // a folder is none
  CHECK(found("") == "");
  put("etc/ssl/cert.pem");
  CHECK(found() == folder.path() / "etc/ssl/cert.pem");
  put("etc/pki/tls/certs/ca-bundle.crt");
  CHECK(found() == folder.path() / "etc/pki/tls/certs/ca-bundle.crt");
  put("usual.pem");
  CHECK(found() == folder.path() / "usual.pem");
}
