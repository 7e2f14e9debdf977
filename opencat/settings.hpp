// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "opencat/environment.hpp"

namespace opencat {

/// Where a setting's value came from; a later one wins over an earlier.
enum class Origin { built_in, file, environment, flag };

/// What a setting's number counts, which also says how it may be written: seconds as "90", "90s", "15m", "2h"
/// or "7d", bytes as "1048576", "512KiB" or "10MiB".
enum class Unit { none, seconds, bytes };

/// A number as people write it: 900 seconds are "15m", 10485760 bytes "10MiB".
std::string with_unit(std::int64_t number, Unit unit);

/// The variable that a setting fills; what it holds at first is the default. A vector's setting may be given
/// often. JSON takes what the file has as it is, for lists of tables: there are no flags for it.
using SettingTarget = std::variant<std::string*, std::int64_t*, bool*, std::filesystem::path*,
                                   std::vector<std::string>*, nlohmann::json*>;

/// One row: all that is known of a setting, in one place. The members are in the order in which rows say
/// them.
struct Setting {
  std::string flag;  ///< "--port"; a name without dashes is a positional argument; empty: only in the file
  std::vector<std::string> env;  ///< environment variables, the first that is set counts
  std::string key;  ///< its name in the configuration file, e.g. "port" or "limits.daily"; empty: not there
  std::string help;
  SettingTarget target;
  Unit unit = Unit::none;
  std::vector<std::string> choices = {};  ///< the only values allowed; empty: any
  std::int64_t minimum = 0;
  std::int64_t maximum = std::numeric_limits<std::int64_t>::max();  ///< of seconds 30 days, unless said
  bool secret = false;  ///< masked by --show-config; its flag is documented as visible to other users
  Origin origin = Origin::built_in;
  std::string origin_name = {};  ///< the variable or file it came from
};

/// The settings of one command. Errors are Error(usage) that name the flag, variable or file and the value.
class Settings {
 public:
  void add(Setting setting) { rows_.push_back(std::move(setting)); }
  void add_secret(Setting setting) {
    setting.secret = true;
    add(std::move(setting));
  }
  const std::vector<Setting>& rows() const { return rows_; }

  /// In this order, so that each wins over the one before it. Flags by their name ("--port"), with all their
  /// values.
  void apply_file(const nlohmann::json& config, const std::string& file_name);
  void apply_environment(const Environment& environment);
  void apply_flags(const std::map<std::string, std::vector<std::string>>& flags);

  /// Where the row with this flag got its value.
  Origin origin_of(const std::string& flag) const;

  /// {"--port": {"value": …, "origin": "flag"}}, secrets masked.
  nlohmann::json shown() const;

 private:
  std::vector<Setting> rows_;
};

/// A TOML file as JSON; throws Error(usage) with the line of a mistake.
nlohmann::json read_toml(const std::filesystem::path& file);
/// The same of its text; `name` is the file's in messages.
nlohmann::json parse_toml(std::string_view text, const std::string& name);

}  // namespace opencat
