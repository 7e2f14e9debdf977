// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

namespace opencat {

struct MovedRows {
  std::int64_t plans = 0;
  std::int64_t tokens = 0;
  std::int64_t usage = 0;
  std::int64_t written = 0;  ///< of these, by this call; the others were there from one before
};

/// `opencat migrate` below its command line: has `to` what `from` has, row by row, and compares both at the
/// end. Each is "sqlite:" and a file or a server's data folder, a "postgresql://" address, or "file:" and a
/// file with such an address. What was written stays when it is stopped, and the next call goes on behind it;
/// `from` is not changed. Throws Error(usage) for addresses that cannot be, a target that has something else,
/// or a source that is being served, Error(integrity) when a row differs in the end, Error(interrupted) when
/// `stop` was requested. `tell` hears how far it is.
MovedRows move_data(const std::string& from, const std::string& to,
                    const std::function<void(const std::string&)>& tell, std::stop_token stop);

}  // namespace opencat
