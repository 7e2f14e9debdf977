// SPDX-License-Identifier: MIT
#include "server/domain/token.hpp"

#include "tests/catch.hpp"

using namespace opencat;

TEST_CASE("is_token knows occ_ and 32 lower-case hex digits, and nothing else") {
  const std::string digits = "0123456789abcdef0123456789abcdef";
  CHECK(is_token("occ_" + digits));
  for (const std::string& text :
       {std::string(), "occ_" + digits.substr(1), "occ_" + digits + "0", "OCC_" + digits,
        "sk-" + digits + "0", "occ_" + digits.substr(1) + "F", "occ_" + digits.substr(1) + "g",
        "occ_" + digits.substr(1) + " ", "occ_" + digits.substr(1) + std::string(1, '\0')}) {
    CAPTURE(text);
    CHECK_FALSE(is_token(text));
  }
}

TEST_CASE("is_uuid knows hex digits and dashes in their places") {
  CHECK(is_uuid("123e4567-e89b-12d3-a456-426614174000"));
  CHECK(is_uuid("123E4567-E89B-12D3-A456-426614174000"));
  for (const char* text : {"", "123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400",
                           "123e4567-e89b-12d3-a456-4266141740000", "123e4567-e89b-12d3-a456-42661417400g",
                           "123e45670e89b-12d3-a456-426614174000", "{23e4567-e89b-12d3-a456-42661417400}",
                           "------------------------------------"}) {
    CAPTURE(text);
    CHECK_FALSE(is_uuid(text));
  }
}
