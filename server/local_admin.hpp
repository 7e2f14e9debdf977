// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/http/message.hpp"
#include "server/server.hpp"

namespace opencat {

/// The admin API (docs/protocol.md) on a data folder that no server has, without a socket: what the command
/// line asks when no server runs. It keeps servers out while it lives.
class LocalAdmin {
 public:
  /// Throws Error(usage) when the folder has no database or a server has it; `options` as for the server.
  LocalAdmin(const ServerOptions& options, Clock& clock, Entropy& entropy);
  ~LocalAdmin();

  using Query = std::vector<std::pair<std::string, std::string>>;
  /// `path` below /api/admin, its last part as it is meant, not encoded. Throws Error where the server would
  /// answer one.
  http::Response ask(const std::string& method, const std::string& path, const Query& query,
                     const std::string& body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// `opencat backup` below its command line: see back_up_database().
std::uintmax_t back_up_data(const std::filesystem::path& data_dir, const std::filesystem::path& target,
                            std::stop_token stop);

/// Whether a server, or a LocalAdmin, has the folder just now.
bool is_being_served(const std::filesystem::path& data_dir);

/// The address at which the server that has this folder listens; empty when it is not known.
std::string address_of_server(const std::filesystem::path& data_dir);

}  // namespace opencat
