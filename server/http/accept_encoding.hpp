// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace opencat::http {

/// Which of the content codings at hand a client gets, by its Accept-Encoding (RFC 9110, section 12.5.3): the
/// one it weighs most, of equal ones the first. `header` is null when there is none; `codings` holds names in
/// lower case, "identity" among them, which is taken when the client wants none of the others.
std::size_t choose_coding(const std::string* header, const std::vector<std::string>& codings);

}  // namespace opencat::http
