// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <optional>
#include <string>

namespace opencat {

/// What kind of thing went wrong. The table in error.cpp gives each kind its exit code (../docs/protocol.md
/// and `opencat --help`), its HTTP status, and the `code` and `type` of the JSON error.
enum class ErrorKind {
  failed,           ///< anything else; a bug, a full disk
  usage,            ///< a wrong flag, setting, request or file that the caller can mend
  model_not_found,  ///< no upstream offers the model
  unauthorized,     ///< no secret or token, or a wrong one
  token_disabled,   ///< a known token that an admin disabled
  token_expired,    ///< one whose plan has ended
  model_refused,    ///< a model that is not in the token's plan
  not_found,        ///< the route or thing does not exist
  token_not_found,  ///< a token or id the server does not know
  conflict,         ///< it cannot be so beside what is there
  too_large,        ///< a body or header over its limit
  rate_limited,     ///< too many in a short time
  quota_exceeded,   ///< the day's or month's limit is used up
  network,          ///< a peer cannot be reached, or broke off
  timeout,          ///< a peer did not answer in time
  unavailable,      ///< at a limit, draining, or nothing configured: try again later
  integrity,        ///< bytes are not what was promised
  interrupted,      ///< Ctrl-C or SIGTERM
};

/// One row of the table: how a kind is told to a shell and to an HTTP client.
struct ErrorFacts {
  int exit_code;
  int http_status;
  const char* code;  ///< e.g. "QUOTA_EXCEEDED"
  const char* type;  ///< OpenAI's error type, e.g. "insufficient_quota"
};
const ErrorFacts& facts(ErrorKind kind);

/// The one exception of the project. `what()` is the public message: one line saying what failed, on what,
/// and what to do; it holds no secret. `detail()` is for --verbose and the log only and never reaches a
/// client.
class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message, std::string detail = {});

  const char* what() const noexcept override { return message_.c_str(); }
  ErrorKind kind() const noexcept { return kind_; }
  const std::string& message() const noexcept { return message_; }
  const std::string& detail() const noexcept { return detail_; }

  /// Seconds after which trying again makes sense; every 429 and 503 has one.
  std::optional<int> retry_after_s;

 private:
  ErrorKind kind_;
  std::string message_;
  std::string detail_;
};

/// An Error with `kind` whose detail is the text of `errno` as it was when this was called.
Error system_error(const std::string& message, ErrorKind kind = ErrorKind::failed);

}  // namespace opencat
