// SPDX-License-Identifier: MIT
#include "commands/utf8_locale.hpp"

#include <clocale>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>

#include "opencat/assets.hpp"
#include "opencat/file.hpp"

namespace opencat {

namespace {

/// glibc takes a locale from a file only, in a folder that LOCPATH names, and keeps it when the file is gone.
void use_own_locale(std::string_view characters) {
  const TemporaryFolder folder(std::filesystem::temp_directory_path(), "opencat-locale-");
  const auto place = folder.path() / "C.utf8";
  std::filesystem::create_directory(place);
  std::ofstream(place / "LC_CTYPE", std::ios::binary)
      .write(characters.data(), static_cast<std::streamsize>(characters.size()));
  // What is loaded is found again under this name; programs we start get the environment read before.
  ::setenv("LOCPATH", folder.path().c_str(), 1);
  std::setlocale(LC_CTYPE, "C.UTF-8");
}

}  // namespace

void use_utf8_locale() {
  if (std::setlocale(LC_CTYPE, "C.UTF-8") != nullptr) return;
  const auto own = assets_under("locale/LC_CTYPE");
  if (own.empty()) return;
  try {
    use_own_locale(own.front().bytes);
  } catch (const std::exception&) {
    // No folder for temporary files: what has no such names works all the same.
  }
}

}  // namespace opencat
