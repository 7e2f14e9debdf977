// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "opencat/error.hpp"

namespace opencat {

/// What was found about one thing that has to be right, and what to do if it is not. Texts for people at a PC
/// are in Chinese, too.
struct Finding {
  enum class State {
    good,
    doubtful,  ///< it works, or may; worth a look
    bad
  };
  struct Words {
    std::string en;
    std::string zh = {};  ///< empty: as in English
  };

  std::string name;
  State state = State::good;
  Words found;
  Words cure = {};
  ErrorKind kind = ErrorKind::failed;  ///< of what is bad
};

}  // namespace opencat
