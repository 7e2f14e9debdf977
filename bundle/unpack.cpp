// SPDX-License-Identifier: MIT
#include "bundle/unpack.hpp"

namespace opencat {

Downloads::Reader unpack_into(const std::filesystem::path& folder, const std::string& title,
                              const PlaceEntry& place, std::stop_token stop) {
  return [=](ArrivingFile& file) {
    empty_folder(folder);
    unpack_arriving_archive([&](char* buffer, std::size_t size) { return file.read(buffer, size); },
                            file.path(), folder, title, place, {}, stop);
  };
}

}  // namespace opencat
