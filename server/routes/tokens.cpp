// SPDX-License-Identifier: MIT
#include "server/routes/tokens.hpp"

#include <nlohmann/json.hpp>

#include "opencat/digest.hpp"
#include "opencat/error.hpp"
#include "opencat/text.hpp"
#include "server/domain/address.hpp"
#include "server/routes/plan_json.hpp"
#include "server/routes/token_json.hpp"

namespace opencat::routes {

using Json = nlohmann::json;

namespace {

constexpr std::size_t tokens_per_ip_and_hour = 5;
constexpr std::size_t max_meta_bytes = 4096;

/// `by_operator`: the admin secret came with it.
TokenRequest parse_token_request(const std::string& bytes, bool by_operator) {
  const Json body = parse_object(bytes);
  TokenRequest request;
  request.platform = text_member(body, "platform");
  if (!contains(token_platforms(), request.platform))
    refuse("'platform' must be one of " + join(token_platforms(), ", "));
  request.install_id = text_member(body, "install_id");
  if (!is_uuid(request.install_id)) refuse("'install_id' must be a UUID");
  request.version = text_member(body, "version");
  request.plan = plan_member(body);
  if (request.plan && !by_operator) refuse("'plan' goes with the admin secret only; leave it out");
  const auto meta = body.find("meta");
  if (meta == body.end() || meta->is_null()) return request;
  if (!meta->is_object()) refuse("'meta' must be an object");
  request.meta = meta->dump();
  if (request.meta.size() > max_meta_bytes) refuse("'meta' is too long");
  const auto label = meta->find("label");
  if (label != meta->end() && label->is_string()) {
    request.label = beginning(label->get_ref<const std::string&>(), max_text_bytes);
  }
  return request;
}

http::Response status_of(Services& services, const std::string& token) {
  const auto state =
      is_token(token) ? services.store.find_by_hash(token_hash(token), services.period()) : std::nullopt;
  if (!state) throw Error(ErrorKind::token_not_found, "this token is not known here");
  return http::json_response(200, status_json(*state));
}

/// Tokens issued per address, for open enrolment.
void take_place(Services& services, const std::string& ip) {
  const auto wait = services.store.take_place(
      {address_key(ip), tokens_per_ip_and_hour, std::chrono::hours(1), services.clock.now()});
  if (wait.count() == 0) return;
  Error error(ErrorKind::rate_limited,
              "too many tokens were issued to this address in the last hour; try later");
  error.retry_after_s = static_cast<int>(wait.count());
  throw error;
}

/// Those that hold for it now; what its plan says is the plan's, and not its own.
void set_limits(Services& services, TokenRecord& record, const TokenRequest& request) {
  Plan plan;
  if (!record.plan.empty()) {
    plan = demand_plan(services, record.plan, request.plan ? "'plan'" : "the server's default_plan");
  }
  record.own_daily_limit = request.daily_limit || record.plan.empty();
  record.own_monthly_limit = request.monthly_limit || record.plan.empty();
  const Limits& otherwise = services.default_limits;
  record.limits = {request.daily_limit.value_or(plan.daily_limit.value_or(otherwise.daily)),
                   request.monthly_limit.value_or(plan.monthly_limit.value_or(otherwise.monthly))};
}

}  // namespace

std::string token_hash(const std::string& token) {
  Digest digest(DigestKind::sha256);
  digest.update(token);
  const auto bytes = digest.finish();
  return {bytes.begin(), bytes.end()};
}

std::string chat_url(const Services& services, const std::string& token) {
  return services.public_url + "/chat#token=" + token;
}

IssuedToken make_token(Services& services, const TokenRequest& request) {
  IssuedToken issued;
  issued.token = "occ_" + random_hex(services.entropy, 16);
  TokenRecord& record = issued.record;
  record.id = "tok_" + random_hex(services.entropy, 8);
  record.hash = token_hash(issued.token);
  record.prefix = issued.token.substr(0, 8);
  record.platform = request.platform;
  record.install_id = request.install_id;
  record.version = request.version;
  record.label = request.label;
  record.meta = request.meta;
  record.plan = request.plan.value_or(services.default_plan->name());
  set_limits(services, record, request);
  record.created_at = iso8601(services.clock.now());
  return issued;
}

IssuedToken issue_token(Services& services, const TokenRequest& request) {
  IssuedToken issued = make_token(services, request);
  services.store.issue(issued.record);
  return issued;
}

Json issued_json(const Services& services, const IssuedToken& issued) {
  return {{"token", issued.token},
          {"id", issued.record.id},
          {"chat_url", chat_url(services, issued.token)},
          {"proxy_base_url", services.public_url + "/v1"},
          {"quota",
           {{"daily_limit", issued.record.limits.daily}, {"monthly_limit", issued.record.limits.monthly}}},
          {"plan", issued.record.plan.empty() ? Json() : Json(issued.record.plan)},
          {"created_at", issued.record.created_at}};
}

void add_token_routes(http::Routes& routes, Services& services, const AccessGuard& guard) {
  const bool limited = guard.options().mode == EnrollmentMode::open;

  routes.push_back({"POST", "/api/tokens", http::Access::enrolment,
                    http::BlockingHandler([&services, limited](const http::Request& request) {
                      const TokenRequest wanted = parse_token_request(request.body, request.privileged);
                      if (limited && !request.privileged) take_place(services, request.remote_ip);
                      const IssuedToken issued = issue_token(services, wanted);
                      return http::json_response(200, issued_json(services, issued));
                    })});
  routes.push_back({"GET", "/api/tokens/self/status", http::Access::token,
                    http::BlockingHandler([&services](const http::Request& request) {
                      return status_of(services, request.token);
                    })});
  routes.push_back({"GET", "/api/tokens/([^/]+)/status", http::Access::anyone,
                    http::BlockingHandler([&services](const http::Request& request) {
                      return status_of(services, request.captures.at(0));
                    })});
}

}  // namespace opencat::routes
