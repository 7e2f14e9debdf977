// SPDX-License-Identifier: MIT
#include "opencat/error_json.hpp"

#include <nlohmann/json.hpp>

namespace opencat {

std::string error_json(const Error& error) {
  using Json = nlohmann::json;
  const ErrorFacts& told = facts(error.kind());
  const Json document{
      {"error",
       {{"code", told.code}, {"message", error.message()}, {"type", told.type}, {"param", nullptr}}}};
  // A message may quote bytes from outside that are not UTF-8.
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace opencat
