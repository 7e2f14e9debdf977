// SPDX-License-Identifier: MIT
#include "bundle/installed.hpp"

#include <string>
#include <system_error>

#include <nlohmann/json.hpp>

#include "opencat/file.hpp"
#include "opencat/file_names.hpp"

namespace opencat {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::optional<fs::path> Installed::version(bool any) const {
  std::string launcher;
  for (const char* name : {"opencat-chat", "opencat-chat.bat"}) {
    launcher += read_file_if_there(prefix_ / name).value_or("");
  }
  std::optional<fs::path> used;
  std::optional<fs::path> some;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(versions(), ignored)) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_directory() || name.rfind(staging_prefix, 0) == 0) continue;
    some = entry.path();
    // The longest name, for one may be the beginning of another.
    const bool longer = !used || used->filename().string().size() < name.size();
    if (launcher.find(name) != std::string::npos && longer) used = entry.path();
  }
  return used || !any ? used : some;
}

std::optional<fs::path> Installed::current() const { return version(false); }

std::optional<fs::path> Installed::current_or_any() const { return version(true); }

void Installed::remove_versions_but(const fs::path& kept) const {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(versions(), ignored)) {
    if (entry.is_directory() && entry.path() != kept) fs::remove_all(entry.path(), ignored);
  }
}

/// The files inside the prefix that data/receipt.json lists: after --keep-token the token alone.
std::vector<fs::path> Installed::listed_in_receipt() const {
  std::vector<fs::path> files;
  const Json receipt =
      Json::parse(read_file_if_there(prefix_ / "data" / "receipt.json").value_or(""), nullptr, false);
  if (!receipt.is_object()) return files;
  for (const Json& entry : receipt.value("made", Json::array())) {
    const Json path = entry.is_object() ? entry.value("path", Json()) : Json();
    if (path.is_string() && is_safe_relative_path(path.get<std::string>())) {
      files.push_back(prefix_ / path.get<std::string>());
    }
  }
  return files;
}

std::vector<fs::path> Installed::leftovers(Token token) const {
  std::vector<fs::path> files{log(), log().concat(".old")};
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(downloads(), ignored)) files.push_back(entry.path());
  if (token == Token::remove) {
    for (fs::path& file : listed_in_receipt()) files.push_back(std::move(file));
    files.push_back(prefix_ / "data" / "receipt.json");
  }
  std::erase_if(files, [](const fs::path& file) { return !fs::exists(file); });
  return files;
}

void Installed::remove_empty_folders() const {
  std::error_code not_empty;
  for (const char* name : {"data", "logs", "versions", "downloads"}) fs::remove(prefix_ / name, not_empty);
  for (const auto& entry : fs::directory_iterator(prefix_, not_empty)) {
    if (entry.path() != lock()) return;
  }
  fs::remove(lock(), not_empty);
  fs::remove(prefix_, not_empty);
}

}  // namespace opencat
