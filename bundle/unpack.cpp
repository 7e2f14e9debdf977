// SPDX-License-Identifier: MIT
#include "bundle/unpack.hpp"

namespace opencat {

void empty_folder(const std::filesystem::path& folder) {
  std::filesystem::remove_all(folder);
  make_folders(folder);
}

Downloads::Reader unpack_into(const std::filesystem::path& folder, const std::string& title,
                              const PlaceEntry& place, std::stop_token stop) {
  return [=](ArrivingFile& file) {
    empty_folder(folder);
    unpack_archive_stream([&](char* buffer, std::size_t size) { return file.read(buffer, size); }, folder,
                          title, place, {}, stop);
  };
}

}  // namespace opencat
