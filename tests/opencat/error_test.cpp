// SPDX-License-Identifier: MIT
#include "opencat/error.hpp"

#include <nlohmann/json.hpp>

#include "opencat/error_json.hpp"
#include "tests/catch.hpp"

using namespace opencat;

TEST_CASE("each kind of error has the protocol's status and code, and the shell's exit code") {
  struct Row {
    ErrorKind kind;
    int status;
    const char* code;
    int exit_code;
  };
  for (const Row& row :
       {Row{ErrorKind::failed, 500, "INTERNAL_ERROR", 1}, Row{ErrorKind::usage, 400, "INVALID_REQUEST", 2},
        Row{ErrorKind::model_not_found, 400, "MODEL_NOT_FOUND", 2},
        Row{ErrorKind::unauthorized, 401, "UNAUTHORIZED", 5},
        Row{ErrorKind::token_disabled, 403, "TOKEN_DISABLED", 5},
        Row{ErrorKind::not_found, 404, "NOT_FOUND", 1},
        Row{ErrorKind::token_not_found, 404, "TOKEN_NOT_FOUND", 1},
        Row{ErrorKind::too_large, 413, "INVALID_REQUEST", 2},
        Row{ErrorKind::rate_limited, 429, "RATE_LIMITED", 5},
        Row{ErrorKind::quota_exceeded, 429, "QUOTA_EXCEEDED", 5},
        Row{ErrorKind::network, 502, "UPSTREAM_ERROR", 3},
        Row{ErrorKind::timeout, 504, "UPSTREAM_TIMEOUT", 3},
        Row{ErrorKind::unavailable, 503, "SERVICE_UNAVAILABLE", 3},
        Row{ErrorKind::integrity, 500, "INTEGRITY_ERROR", 4},
        Row{ErrorKind::interrupted, 503, "SERVICE_UNAVAILABLE", 130}}) {
    CHECK(facts(row.kind).http_status == row.status);
    CHECK(std::string(facts(row.kind).code) == row.code);
    CHECK(facts(row.kind).exit_code == row.exit_code);
  }
  CHECK(std::string(facts(ErrorKind::quota_exceeded).type) == "insufficient_quota");
  CHECK(std::string(facts(ErrorKind::rate_limited).type) == "rate_limit_exceeded");
}

TEST_CASE("an error as JSON holds its message and not its detail, whatever bytes are in it") {
  const auto json = nlohmann::json::parse(error_json(Error(ErrorKind::usage, "say \"\xFF\"", "sk-secret")));
  CHECK(json.at("error").size() == 4);
  CHECK(json.at("error").at("message") == "say \"\xEF\xBF\xBD\"");
  CHECK(json.at("error").at("param").is_null());
  CHECK(json.dump().find("sk-secret") == std::string::npos);
}
