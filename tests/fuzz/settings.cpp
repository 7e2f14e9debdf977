// SPDX-License-Identifier: MIT
// The configuration file: whatever stands in it, it is taken or refused with Error(usage). Its first line is
// tried as the value of every flag and variable, too.
#include "opencat/settings.hpp"

#include <algorithm>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "commands/serve_settings.hpp"
#include "opencat/error.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace opencat;

namespace {

template <class Call>
void unless_refused(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    FUZZ_CHECK(error.kind() == ErrorKind::usage);
    FUZZ_CHECK(!error.message().empty());
  }
}

void use_file(const std::string& text, const Environment& environment) {
  const nlohmann::json config = parse_toml(text, "opencat.toml");
  ServeSettings serve;
  Settings settings;
  serve.declare(settings);
  settings.apply_file(config, "opencat.toml");
  FUZZ_CHECK(!settings.shown().dump().empty());
  const ServerOptions options = serve.options(environment);
  FUZZ_CHECK(options.loops >= 1 && options.max_connections >= 1 && options.requests_per_minute >= 1);
  FUZZ_CHECK(options.port >= 0 && options.port <= 65535);
  for (const UpstreamConfig& upstream : options.upstreams) {
    FUZZ_CHECK(!upstream.name.empty() && !upstream.models.empty());
    FUZZ_CHECK(upstream.priority >= 1 && upstream.weight >= 1);
    FUZZ_CHECK(upstream.limits.connect_timeout_ms >= 1000 && upstream.limits.first_byte_timeout_ms >= 1000 &&
               upstream.limits.idle_timeout_ms >= 1000);
  }
}

void use_value(const std::string& value) {
  ServeSettings serve;
  Settings settings;
  serve.declare(settings);
  for (const Setting& row : settings.rows()) {
    if (!row.flag.empty()) unless_refused([&] { settings.apply_flags({{row.flag, {value}}}); });
    for (const std::string& name : row.env)
      unless_refused([&] {
        settings.apply_environment(Environment(std::map<std::string, std::string>{{name, value}}));
      });
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(fuzz::text_of(data, size));
  // A key may stand in a file; the machine's own devices are none of this.
  if (text.find("/dev") != std::string::npos || text.find("/proc") != std::string::npos) return 0;
  const Environment environment(std::map<std::string, std::string>{{"SOME_KEY", "sk-1234"}});
  unless_refused([&] { use_file(text, environment); });
  use_value(text.substr(0, text.find('\n')));
  return 0;
}
