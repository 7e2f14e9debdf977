// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include "opencat/error.hpp"

namespace opencat {

/// What a URL says, in the words of HTTP.
struct HttpTarget {
  std::string origin;  ///< those of one origin share connections
  std::string host;    ///< the header
  std::string path;    ///< with the query
  std::string printable;
};

/// Null for what is no web address.
std::shared_ptr<const HttpTarget> parse_target(const std::string& url);

/// What to say of an address that is none, and of a server that fell silent.
Error no_web_address(const std::string& url);
Error did_not_answer(const HttpTarget& target);

}  // namespace opencat
