// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "opencat/environment.hpp"
#include "opencat/settings.hpp"
#include "server/server.hpp"

namespace opencat {

/// All settings of `opencat serve`, as rows and as what the server takes.
class ServeSettings {
 public:
  ServeSettings();
  ~ServeSettings();
  /// Rows point into it.
  ServeSettings(const ServeSettings&) = delete;
  ServeSettings& operator=(const ServeSettings&) = delete;

  void declare(Settings& settings);
  const std::filesystem::path& data_dir() const { return data_dir_; }

  /// What the settings come to; throws Error(usage) for what cannot go together.
  ServerOptions options(const Environment& environment);
  /// Of these only what is about the data and its tokens; nothing else need be right.
  ServerOptions data_options();

 private:
  static constexpr std::int64_t day_s = 24LL * 60 * 60;
  /// A century: beyond it it makes no difference, and would leave the calendar.
  static constexpr std::int64_t longest_kept_s = 36'500 * day_s;
  void declare_upstream(Settings& settings);
  void declare_secrets(Settings& settings);
  void declare_limits(Settings& settings);
  void declare_running(Settings& settings);
  std::string store() const;
  std::vector<UpstreamConfig> upstreams(const Environment& environment) const;

  ServerOptions options_;
  UpstreamConfig upstream_;                          ///< --upstream-url and its like
  std::unique_ptr<nlohmann::json> upstream_tables_;  ///< [[upstreams]]
  std::unique_ptr<nlohmann::json> plan_tables_;      ///< [[plans]]
  std::filesystem::path data_dir_ = "opencat-data";
  std::filesystem::path store_file_;
  std::string enrollment_;
  std::int64_t port_ = 3000;
  std::string ops_port_;
  std::int64_t per_minute_ = 20;
  std::int64_t max_body_ = 10 << 20;
  std::int64_t max_upload_ = 100 << 20;
  std::int64_t max_connections_ = 10'000;
  std::int64_t utc_offset_ = 0;
  std::int64_t loops_ = 2;
  std::int64_t drain_timeout_s_ = 30;
  std::int64_t keep_usage_s_ = 400 * day_s;
  std::int64_t keep_deleted_s_ = 7 * day_s;
  std::int64_t connect_timeout_s_ = 10;
  std::int64_t first_byte_timeout_s_ = 120;
  std::int64_t idle_timeout_s_ = 120;
  std::int64_t ping_interval_s_ = 15;
};

}  // namespace opencat
