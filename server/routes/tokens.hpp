// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "server/http/router.hpp"
#include "server/routes/guard.hpp"
#include "server/routes/services.hpp"

namespace opencat::routes {

/// A token that was just made: the only moment at which it is known.
struct IssuedToken {
  std::string token;
  TokenRecord record;
};

struct TokenRequest {
  std::string platform;
  std::string install_id;
  std::string version;
  std::string label;
  std::string meta = "{}";
  std::optional<std::string> plan = {};  ///< "": none; absent: that of new tokens
  /// Of its own; absent: its plan's, or without one those for new tokens.
  std::optional<std::int64_t> daily_limit = {};
  std::optional<std::int64_t> monthly_limit = {};
};

/// A new token that no store knows yet. Throws Error(usage) for a plan that there is not.
IssuedToken make_token(Services& services, const TokenRequest& request);

/// Makes a token and stores its hash.
IssuedToken issue_token(Services& services, const TokenRequest& request);

/// The link that opens the chat page signed in. The token stands behind '#', which no browser sends to a
/// server.
std::string chat_url(const Services& services, const std::string& token);

/// What its holder needs of it: the answer of POST /api/tokens.
nlohmann::json issued_json(const Services& services, const IssuedToken& issued);

/// POST /api/tokens and the tokens' status.
void add_token_routes(http::Routes& routes, Services& services, const AccessGuard& guard);

}  // namespace opencat::routes
