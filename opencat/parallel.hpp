// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>

namespace opencat {

/// Calls work(0) to work(count - 1), up to `threads` of them at once, and returns when all have ended. When
/// one throws, no other begins, those that run are asked to stop through their token, and what it threw is
/// thrown again; so it is when `stop` asks. `threads` 0: as many as the machine runs at once.
void in_parallel(std::size_t count, unsigned threads, const std::stop_token& stop,
                 const std::function<void(std::size_t index, std::stop_token stop)>& work);

/// How many threads the machine runs at once, as far as this process may use them; at least 1.
unsigned usable_threads();

}  // namespace opencat
