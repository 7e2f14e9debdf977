// SPDX-License-Identifier: MIT
#include "server/routes/token_json.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat::routes {

using Json = nlohmann::json;

namespace {

constexpr std::int64_t max_limit = 1'000'000'000'000;

std::string masked_token(const TokenRecord& token) { return token.prefix + "****"; }

}  // namespace

void refuse(const std::string& what) { throw Error(ErrorKind::usage, what); }

Json parse_object(const std::string& bytes, std::size_t max_bytes) {
  // Json::dump() recurses, so depth must be bounded before it.
  if (bytes.size() > max_bytes) throw Error(ErrorKind::too_large, "the body is too long");
  Json body = Json::parse(bytes, nullptr, false);
  if (!body.is_object()) refuse("the body must be a JSON object");
  return body;
}

void refuse_unknown(const Json& object, const std::vector<const char*>& known, const std::string& what) {
  for (const auto& [name, value] : object.items()) {
    const auto same = [&name = name](const char* one) { return name == one; };
    if (std::any_of(known.begin(), known.end(), same)) continue;
    std::string list;
    for (const char* one : known) list += (list.empty() ? "'" : ", '") + std::string(one) + "'";
    refuse(fmt::format("{} has no member '{}'; it may have {}", what, beginning(name, max_text_bytes), list));
  }
}

std::string text_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string() || found->get_ref<const std::string&>().empty()) {
    refuse(std::string("'") + name + "' must be a text");
  }
  std::string text = found->get<std::string>();
  if (text.size() > max_text_bytes) refuse(std::string("'") + name + "' is too long");
  return text;
}

std::optional<std::string> optional_text(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::nullopt;
  if (!found->is_string()) refuse(std::string("'") + name + "' must be a text");
  std::string text = found->get<std::string>();
  if (text.size() > max_text_bytes) refuse(std::string("'") + name + "' is too long");
  return text;
}

std::optional<std::vector<std::string>> optional_texts(const Json& object, const char* name,
                                                       std::size_t max_count) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::nullopt;
  if (!found->is_array() || found->empty() || found->size() > max_count)
    refuse(fmt::format("'{}' must be a list of 1 to {} texts", name, max_count));
  std::vector<std::string> texts;
  for (const Json& each : *found) {
    if (!each.is_string() || each.get_ref<const std::string&>().size() > max_text_bytes)
      refuse(fmt::format("'{}' must hold texts of at most {} bytes", name, max_text_bytes));
    texts.push_back(each.get<std::string>());
  }
  return texts;
}

std::optional<std::int64_t> optional_number(const Json& object, const char* name, std::int64_t low,
                                            std::int64_t high) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::nullopt;
  // An unsigned number beyond int64 must not come out negative.
  const bool fits =
      found->is_number_integer() &&
      (!found->is_number_unsigned() || found->get<std::uint64_t>() <= static_cast<std::uint64_t>(high)) &&
      found->get<std::int64_t>() >= low && found->get<std::int64_t>() <= high;
  if (!fits) {
    refuse(std::string("'") + name + "' must be a whole number from " + std::to_string(low) + " to " +
           std::to_string(high));
  }
  return found->get<std::int64_t>();
}

QuotaChange quota_member(const Json& object) {
  const auto quota = object.find("quota");
  if (quota == object.end() || quota->is_null()) return {};
  if (!quota->is_object()) refuse("'quota' must be an object");
  refuse_unknown(*quota, {"daily_limit", "monthly_limit"}, "'quota'");
  return {optional_number(*quota, "daily_limit", 0, max_limit),
          optional_number(*quota, "monthly_limit", 0, max_limit)};
}

const char* status_word(TokenState::Status status) {
  switch (status) {
    case TokenState::Status::active:
      return "active";
    case TokenState::Status::disabled:
      return "disabled";
    case TokenState::Status::expired:
      return "expired";
    case TokenState::Status::quota_exceeded:
      return "quota_exceeded";
    case TokenState::Status::deleted:
      return "deleted";
  }
  return "";
}

Json quota_json(const TokenState& state) {
  const Limits& limits = state.token.limits;
  const auto left = [](std::int64_t limit, std::int64_t used) {
    return std::max<std::int64_t>(0, limit - used);
  };
  return {{"daily_limit", limits.daily},
          {"daily_used", state.use.daily},
          {"daily_remaining", left(limits.daily, state.use.daily)},
          {"monthly_limit", limits.monthly},
          {"monthly_used", state.use.monthly},
          {"monthly_remaining", left(limits.monthly, state.use.monthly)}};
}

namespace {

/// What else holds for it, beside its quota.
void add_plan(Json& json, const TokenRecord& token) {
  json["plan"] = token.plan.empty() ? Json() : Json(token.plan);
  json["requests_per_minute"] = token.per_minute;
  json["models"] = token.models.empty() ? Json() : Json(token.models);
  json["expires_at"] = token.expires_at.empty() ? Json() : Json(token.expires_at);
}

}  // namespace

Json status_json(const TokenState& state) {
  Json json{{"token", masked_token(state.token)},
            {"status", status_word(state.status())},
            {"quota", quota_json(state)},
            {"created_at", state.token.created_at}};
  add_plan(json, state.token);
  return json;
}

Json admin_json(const TokenState& state) {
  const TokenRecord& token = state.token;
  Json json{{"id", token.id},
            {"token", masked_token(token)},
            {"status", status_word(state.status())},
            {"platform", token.platform},
            {"install_id", token.install_id},
            {"version", token.version},
            {"label", token.label},
            {"quota", quota_json(state)},
            {"created_at", token.created_at},
            {"last_used_at", token.last_used_at.empty() ? Json() : Json(token.last_used_at)}};
  add_plan(json, token);
  json["own_quota"] = {{"daily_limit", token.own_daily_limit ? Json(token.limits.daily) : Json()},
                       {"monthly_limit", token.own_monthly_limit ? Json(token.limits.monthly) : Json()}};
  if (!token.deleted_at.empty()) json["deleted_at"] = token.deleted_at;
  return json;
}

}  // namespace opencat::routes
