// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>

#include "opencat/letter_case.hpp"

namespace opencat {

/// Whether `name` is a relative path with forward slashes that every system takes for a file below where it
/// starts, and for the same one: no "..", no drive letter, no backslash or control character, no device of
/// Windows (NUL, com1.txt: https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file), no dot or
/// space at the end of a part, which Windows drops; parts of at most 255 bytes, 1,000 in all.
bool is_safe_relative_path(const std::string& name);

/// Names of one tree in which each has a place of its own, also where upper and lower case are one, as on
/// Windows and macOS. (Names that differ in their Unicode normalization are not told apart from others.)
class TakenNames {
 public:
  /// Takes the name's place and those of the folders above it. When a file or folder has it already, or a
  /// file has one of theirs: that one's name, and nothing is taken.
  std::optional<std::string> take_file(const std::string& name);
  /// The same for a folder, which may be taken again.
  std::optional<std::string> take_folder(const std::string& name);

 private:
  enum class Kind { file, folder };
  struct Taken {
    Kind kind;
    std::string name;
  };
  std::optional<std::string> take_parents(const std::string& name);

  LetterCase letters_;
  std::map<std::string, Taken> taken_;
};

}  // namespace opencat
