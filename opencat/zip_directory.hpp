// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "opencat/random_access.hpp"
#include "opencat/zip_format.hpp"

namespace opencat::zip {

struct ListedEntry : Entry {
  std::uint64_t data_offset = 0;  ///< of its packed bytes
  /// What kind of file it was on UNIX, as st_mode has it (S_IFREG, S_IFDIR, …); 0: the zip does not say.
  std::uint32_t unix_kind = 0;
  bool sized_behind = false;  ///< its sizes and CRC stand behind its bytes, in a data descriptor
};

/// The entries of a zip in the order of its central directory.
///
/// A zip says nearly everything twice, and readers differ in what they believe. So this throws
/// Error(integrity), naming `title`, unless both say the same: names, methods, sizes and CRCs of the central
/// directory, the local headers, the data descriptors and the extra fields; unless the entries stand one
/// behind the other, without sharing a byte or leaving one over; and unless the directory fills the place
/// before the end exactly. Refused as well: encryption, methods other than stored and deflated, several
/// disks, more than `max_entries`. Names are not judged, and nothing is unpacked.
std::vector<ListedEntry> read_directory(const InputFile& file, const std::string& title,
                                        std::uint64_t max_entries);

/// Whether a zip begins so; wants its first four bytes.
bool begins_like_zip(std::string_view bytes);

/// Whether the file does.
bool looks_like_zip(const InputFile& file);

}  // namespace opencat::zip
