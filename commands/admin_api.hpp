// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "commands/command.hpp"

namespace opencat {

/// The admin API of a server, wherever that is: over HTTP, or on its data when it does not run.
class AdminApi {
 public:
  virtual ~AdminApi() = default;

  struct Request {
    std::string method;
    std::string path;       ///< below /api/admin, e.g. "/tokens"
    std::string name = {};  ///< a token's id or the token itself, behind the path; empty: none
    std::vector<std::pair<std::string, std::string>> query = {};
    std::string body = {};
    std::string what = {};  ///< of it, behind the name, e.g. "/restore"
  };
  /// The answer's document, null when it has none. Throws Error with the kind that the server answered.
  virtual nlohmann::json ask(const Request& request) = 0;
};

/// Where an operator's server is.
struct AdminSettings {
  std::string server_url;
  std::filesystem::path admin_secret_file;
  std::filesystem::path data_dir = "opencat-data";

  void declare(Settings& settings);
};

/// The named server; else the one that has the data folder; else the data folder itself. Throws Error(usage)
/// that says what to name when there is none of them.
std::unique_ptr<AdminApi> find_admin_api(const AdminSettings& settings, Context& context);

}  // namespace opencat
