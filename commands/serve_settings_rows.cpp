// SPDX-License-Identifier: MIT
// ServeSettings' rows: what each is called, and what it says of itself.
#include "commands/serve_settings.hpp"

namespace opencat {

void ServeSettings::declare(Settings& settings) {
  settings.add({"--host", {"OPENCAT_HOST"}, "host", "Listen on this address", &options_.host});
  settings.add({"--port", {"OPENCAT_PORT"}, "port", "Listen on this port; 0 picks one", &port_});
  settings.add({"--ops-port",
                {"OPENCAT_OPS_PORT"},
                "ops_port",
                "Listen on this port, too, for /healthz, /readyz and /metrics alone; 0 picks one",
                &ops_port_});
  settings.add({"--tls-cert",
                {"OPENCAT_TLS_CERT"},
                "tls.cert",
                "Serve https with this certificate and those above it, a PEM file; SIGHUP reads it again",
                &options_.tls_cert});
  settings.add({"--tls-key",
                {"OPENCAT_TLS_KEY"},
                "tls.key",
                "The certificate's private key, a PEM file",
                &options_.tls_key});
  settings.add({"--public-url",
                {"OPENCAT_PUBLIC_URL"},
                "public_url",
                "Where users reach this server; it may have a path",
                &options_.public_url});
  settings.add({"--trusted-proxy",
                {"OPENCAT_TRUSTED_PROXY"},
                "trusted_proxies",
                "A reverse proxy's address or range, whose X-Forwarded-For is believed (repeatable)",
                &options_.trusted_proxies});
  settings.add({"--cors-origin",
                {"OPENCAT_CORS_ORIGIN"},
                "cors_origins",
                "Let pages of this origin use the API, as https://app.example.com, or * (repeatable)",
                &options_.cors_origins});
  settings.add(
      {"--data-dir", {"OPENCAT_DATA_DIR"}, "", "The folder of the database and the secrets", &data_dir_});
  settings.add_secret({"--store",
                       {"OPENCAT_STORE"},
                       "store",
                       "Keep the data in this PostgreSQL (postgresql://…), which many servers can share",
                       &options_.store});
  settings.add({"--store-file",
                {"OPENCAT_STORE_FILE"},
                "store_file",
                "The same address, in a file, so that its password is in no command line",
                &store_file_});
  settings.add({"--demo", {"OPENCAT_DEMO"}, "demo", "Answer from a built-in demonstration", &options_.demo});
  settings.add({"--bundles",
                {"OPENCAT_BUNDLES"},
                "bundles",
                "Offer the zips of this folder, as `opencat bundle` left them, to anybody at /download",
                &options_.bundles});
  settings.add(
      {"--access-log",
       {"OPENCAT_ACCESS_LOG"},
       "access_log",
       "Write a line of JSON per request to this file, or - for standard error; SIGHUP opens it again",
       &options_.access_log});
  declare_upstream(settings);
  declare_secrets(settings);
  declare_limits(settings);
  declare_running(settings);
}

void ServeSettings::declare_upstream(Settings& settings) {
  settings.add({"--upstream-url",
                {"OPENCAT_UPSTREAM_URL"},
                "upstream.url",
                "The base URL of an OpenAI-compatible API, as https://api.example.com/v1",
                &upstream_.base_url});
  settings.add_secret(
      {"--upstream-key", {"OPENCAT_UPSTREAM_KEY"}, "upstream.key", "Its key", &upstream_.key});
  settings.add({"--upstream-model",
                {"OPENCAT_UPSTREAM_MODEL"},
                "upstream.models",
                "A model it offers; the first is the default (repeatable)",
                &upstream_.models});
  settings.add({"--connect-timeout",
                {},
                "upstream.connect_timeout",
                "Time to connect to it",
                &connect_timeout_s_,
                Unit::seconds,
                {},
                1});
  settings.add({"--first-byte-timeout",
                {},
                "upstream.first_byte_timeout",
                "Time to its first byte",
                &first_byte_timeout_s_,
                Unit::seconds,
                {},
                1});
  settings.add({"--idle-timeout",
                {},
                "upstream.idle_timeout",
                "Time between two bytes of a stream; its length has no limit",
                &idle_timeout_s_,
                Unit::seconds,
                {},
                1});

  settings.add({"--ca-file",
                {"SSL_CERT_FILE", "CURL_CA_BUNDLE"},
                "upstream.ca_file",
                "Certificates (PEM) to trust of upstreams, instead of the system's",
                &options_.ca_file});
  settings.add({"--ping-interval",
                {},
                "upstream.ping_interval",
                "Silence in a stream before a comment keeps its connection open",
                &ping_interval_s_,
                Unit::seconds,
                {},
                1});
  settings.add({"",
                {},
                "upstreams",
                "Upstreams as tables, instead of --upstream-url: see docs/configuration.md",
                upstream_tables_.get()});
}

void ServeSettings::declare_secrets(Settings& settings) {
  settings.add_secret({"--admin-secret",
                       {"OPENCAT_ADMIN_SECRET"},
                       "admin_secret",
                       "The admin's secret; made and kept in the data folder unless given",
                       &options_.admin_secret});
  settings.add({"--enrollment",
                {"OPENCAT_ENROLLMENT"},
                "enrollment",
                "Who may get a token; key unless --demo, then open",
                &enrollment_,
                Unit::none,
                {"open", "key", "closed"}});
  settings.add_secret({"--enroll-key",
                       {"OPENCAT_ENROLL_KEY"},
                       "enroll_key",
                       "The enrolment key; made and kept in the data folder unless given",
                       &options_.enroll_key});
}

void ServeSettings::declare_limits(Settings& settings) {
  settings.add({"--daily-limit",
                {"OPENCAT_DAILY_LIMIT"},
                "limits.daily",
                "Requests a day for each new token",
                &options_.limits.daily});
  settings.add({"--monthly-limit",
                {"OPENCAT_MONTHLY_LIMIT"},
                "limits.monthly",
                "Requests a month for each new token",
                &options_.limits.monthly});
  settings.add({"--rpm-limit",
                {"OPENCAT_RPM_LIMIT"},
                "limits.per_minute",
                "Requests of a token in any 60 seconds",
                &per_minute_,
                Unit::none,
                {},
                1});
  settings.add({"--default-plan",
                {"OPENCAT_DEFAULT_PLAN"},
                "default_plan",
                "The plan that new tokens get, unless they are issued with another",
                &options_.default_plan});
  settings.add({"", {}, "plans", "Plans as tables: see docs/configuration.md", plan_tables_.get()});
  settings.add({"--max-body",
                {"OPENCAT_MAX_BODY"},
                "limits.body",
                "The longest request body",
                &max_body_,
                Unit::bytes,
                {},
                1024});
  settings.add({"--max-upload",
                {"OPENCAT_MAX_UPLOAD"},
                "limits.upload",
                "The longest body of images and audio, relayed as it arrives",
                &max_upload_,
                Unit::bytes,
                {},
                1024});
  settings.add({"--max-connections",
                {"OPENCAT_MAX_CONNECTIONS"},
                "limits.connections",
                "Connections at once; beyond it, 503",
                &max_connections_,
                Unit::none,
                {},
                1});
  settings.add({"--utc-offset",
                {"OPENCAT_UTC_OFFSET"},
                "limits.utc_offset",
                "Minutes east of UTC at which a quota's day begins (480 for China)",
                &utc_offset_,
                Unit::none,
                {},
                -24LL * 60,
                24LL * 60});
}

void ServeSettings::declare_running(Settings& settings) {
  settings.add({"--loops",
                {"OPENCAT_LOOPS"},
                "loops",
                "Threads that drive connections",
                &loops_,
                Unit::none,
                {},
                1,
                256});
  settings.add({"--drain-timeout",
                {"OPENCAT_DRAIN_TIMEOUT"},
                "drain_timeout",
                "Time for streams to end after Ctrl-C or SIGTERM",
                &drain_timeout_s_,
                Unit::seconds});
  settings.add({"--keep-usage",
                {"OPENCAT_KEEP_USAGE"},
                "keep_usage",
                "How long usage is kept by days, as 400d; what is older is kept by months",
                &keep_usage_s_,
                Unit::seconds,
                {},
                day_s,
                longest_kept_s});
  settings.add({"--keep-deleted",
                {"OPENCAT_KEEP_DELETED"},
                "keep_deleted",
                "How long a deleted token can be restored, as 7d; then it goes with its counts",
                &keep_deleted_s_,
                Unit::seconds,
                {},
                0,
                longest_kept_s});
}

}  // namespace opencat
