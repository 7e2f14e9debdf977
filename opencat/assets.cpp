// SPDX-License-Identifier: MIT
#include "opencat/assets.hpp"

#include <algorithm>

#include "opencat/error.hpp"

// Both made by cmake/assets.cmake: the symbols of assets.S, and a row for each.
extern "C" {
#include "asset_symbols.inc"
}

namespace opencat {

namespace {

struct Row {
  std::string_view name;
  const char* begin;
  const char* end;
};

constexpr Row table[] = {
#include "asset_table.inc"
};

}  // namespace

std::vector<Asset> assets_under(std::string_view prefix) {
  std::vector<Asset> found;
  for (const Row& row : table) {
    if (row.name.substr(0, prefix.size()) != prefix) continue;
    found.push_back({row.name, {row.begin, static_cast<std::size_t>(row.end - row.begin)}});
  }
  std::sort(found.begin(), found.end(), [](const Asset& a, const Asset& b) { return a.name < b.name; });
  return found;
}

std::string_view asset(std::string_view name) {
  for (const Row& row : table) {
    if (row.name == name) return {row.begin, static_cast<std::size_t>(row.end - row.begin)};
  }
  throw Error(ErrorKind::failed, "this build lacks its file " + std::string(name) + "; build it again");
}

}  // namespace opencat
