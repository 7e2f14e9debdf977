// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "opencat/http_client.hpp"
#include "opencat/platform.hpp"

namespace opencat {

/// Who may ask the server for a token, and the key that bundles carry where one is needed.
struct Enrollment {
  std::string mode;  ///< "open", "key" or "closed"
  std::string key;   ///< empty: none
};

/// What a new token is for.
struct TokenWish {
  Platform platform;
  std::string label;  ///< empty: none
  std::string plan;   ///< empty: what the server gives new tokens; "none": none
};

/// An operator's side of the token API (docs/protocol.md). Every call throws Error(network or timeout) when
/// the server cannot be reached and Error(unauthorized) when it refuses the admin secret.
class TokenClient {
 public:
  TokenClient(std::string server_url, std::string admin_secret, HttpClientOptions http);

  /// Nothing when the server is too old to say.
  std::optional<Enrollment> enrollment(std::stop_token stop);

  /// Throws Error(usage) unless the server has all these plans; "" and "none" name none.
  void demand_plans(const std::vector<std::string>& names, std::stop_token stop);

  /// A new token for one installation: the server's whole answer, with "token" in it. A stop is looked at
  /// only before the server is asked, so that every token that was issued is known here. A server that wants
  /// it slower (429) is asked again when it says.
  nlohmann::json issue(const TokenWish& wish, const std::string& install_id, std::stop_token stop);

  /// Deletes the installation's token: that of the id (or the token itself), or, when none is known, whatever
  /// the server has issued for it. A server that has none, or cannot, is no error.
  void revoke_installation(const std::string& install_id, const std::string& token_id);

 private:
  HttpResponse ask(const std::string& method, const std::string& path, const std::string& body,
                   std::stop_token stop);
  void revoke(const std::string& token);
  std::string server_url_;
  std::string admin_secret_;
  HttpClient http_;
};

}  // namespace opencat
