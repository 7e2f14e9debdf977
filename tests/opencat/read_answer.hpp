// SPDX-License-Identifier: MIT
// An answer as HttpResponseReader has read it from pieces, for its tests and its fuzz target.
#pragma once

#include <string>

#include "opencat/http_response_reader.hpp"

namespace opencat {

struct ReadAnswer {
  int status = 0;
  HttpHeaders headers;
  std::string body;
  bool complete = false;
  bool reusable = false;
  std::string failure;

  bool operator==(const ReadAnswer&) const = default;
};

/// `body`: what feed() has given. Takes the headers away.
inline ReadAnswer read_answer(HttpResponseReader& reader, std::string body) {
  ReadAnswer answer;
  answer.status = reader.has_head() ? reader.status() : 0;
  answer.headers = std::move(reader.headers());
  answer.body = std::move(body);
  answer.complete = reader.complete();
  answer.reusable = reader.complete() && reader.reusable();
  answer.failure = reader.failure();
  return answer;
}

}  // namespace opencat
