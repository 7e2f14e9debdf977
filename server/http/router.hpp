// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "server/http/exchange.hpp"

namespace opencat::http {

/// Who may call a route; the Guard given to the server holds callers to it before the handler runs.
enum class Access {
  anyone,
  enrolment,  ///< whoever may have a token issued: see --enrollment
  token,      ///< a bearer token of the right form; whether it is known is seen when the request is counted
  admin,      ///< the admin secret
};

/// Throws Error(unauthorized, rate_limited, …) when the caller may not; puts the bearer token into the
/// request. Called on loop threads: it must not block.
using Guard = std::function<void(Access access, Request& request)>;

/// Runs on a small pool of threads and may wait for the store or a disk. Throws Error for failure.
using BlockingHandler = std::function<Response(const Request&)>;

/// Runs on the loop's thread, must not wait, and answers through the exchange, now or later. Throws Error for
/// failure.
using LoopHandler = std::function<void(const std::shared_ptr<Exchange>&)>;

/// When a route's handler runs.
enum class BodyMode {
  whole,     ///< once all of the request has arrived: the body is request().body, up to max_body_bytes
  streamed,  ///< once its head has: see Exchange::read_body(). For a LoopHandler only
};

struct Route {
  std::string method;
  std::string pattern;  ///< a regular expression for the whole path; its groups become the request's captures
  Access access;
  std::variant<BlockingHandler, LoopHandler> handler;
  BodyMode body = BodyMode::whole;
};

/// The table of routes, first match first.
using Routes = std::vector<Route>;

}  // namespace opencat::http
