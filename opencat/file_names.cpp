// SPDX-License-Identifier: MIT
#include "opencat/file_names.hpp"

#include "opencat/text.hpp"

namespace opencat {

namespace {

/// Whether Windows opens a device under this name, whatever its extension.
bool is_device(std::string_view part) {
  std::string stem = lower(part.substr(0, part.find('.')));
  while (!stem.empty() && stem.back() == ' ') stem.pop_back();
  for (const char* name : {"con", "prn", "aux", "nul", "conin$", "conout$"}) {
    if (stem == name) return true;
  }
  if (stem.rfind("com", 0) != 0 && stem.rfind("lpt", 0) != 0) return false;
  const std::string number = stem.substr(3);
  const bool digit = number.size() == 1 && number[0] >= '0' && number[0] <= '9';
  // Superscript one, two and three count as digits.
  return digit || number == "¹" || number == "²" || number == "³";
}

}  // namespace

bool is_safe_relative_path(const std::string& name) {
  if (name.empty() || name.size() > 1000) return false;
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\' || c == ':') return false;
  }
  for (const std::string& part : split(name, '/')) {
    // "." and ".." end with a dot, too.
    if (part.empty() || part.size() > 255 || part.back() == '.' || part.back() == ' ') return false;
    if (is_device(part)) return false;
  }
  return true;
}

std::optional<std::string> TakenNames::take_parents(const std::string& name) {
  for (std::size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
    const std::string parent = name.substr(0, slash);
    const auto [found, is_new] = taken_.emplace(letters_.folded(parent), Taken{Kind::folder, parent});
    if (found->second.kind == Kind::file) return found->second.name;
  }
  return std::nullopt;
}

std::optional<std::string> TakenNames::take_file(const std::string& name) {
  if (auto taken = take_parents(name)) return taken;
  const auto [found, is_new] = taken_.emplace(letters_.folded(name), Taken{Kind::file, name});
  return is_new ? std::nullopt : std::optional(found->second.name);
}

std::optional<std::string> TakenNames::take_folder(const std::string& name) {
  if (auto taken = take_parents(name)) return taken;
  const auto [found, is_new] = taken_.emplace(letters_.folded(name), Taken{Kind::folder, name});
  return found->second.kind == Kind::folder ? std::nullopt : std::optional(found->second.name);
}

}  // namespace opencat
