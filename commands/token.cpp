// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "commands/admin_api.hpp"
#include "commands/command.hpp"
#include "commands/token_tables.hpp"
#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat {

using Json = nlohmann::json;

namespace {

class Token : public Command {
 public:
  CommandHelp help() const override {
    return {"token",
            "List, issue, change, delete and restore tokens, and see what they used",
            {"opencat token list --status quota_exceeded", "opencat token list --search 'Ms Li' --json",
             "opencat token create --label 'class 3' --count 30 --daily-limit 50",
             "opencat token show tok_0123456789abcdef", "opencat token disable tok_0123456789abcdef",
             "opencat token restore tok_0123456789abcdef   # within a week of its deletion",
             "opencat token set-quota tok_0123456789abcdef --daily-limit 200",
             "opencat token set-plan tok_0123456789abcdef --plan class-3   # none takes it off",
             "opencat token usage --group token --from 2026-01-01",
             "opencat token list --server-url https://chat.example.com   # OPENCAT_ADMIN_SECRET is set"}};
  }

  void declare(Settings& settings) override {
    settings.add({"action",
                  {},
                  "",
                  "What to do",
                  &action_,
                  Unit::none,
                  {"list", "create", "show", "disable", "enable", "set-quota", "set-plan", "delete",
                   "restore", "usage"}});
    settings.add({"tokens", {}, "", "Which ones: their ids, or the tokens themselves", &names_});
    admin_.declare(settings);
    settings.add({"--status",
                  {},
                  "",
                  "list: only these",
                  &status_,
                  Unit::none,
                  {"active", "disabled", "expired", "quota_exceeded", "deleted"}});
    settings.add({"--search", {}, "", "list: only those with this text in id, label or platform", &search_});
    settings.add({"--sort",
                  {},
                  "",
                  "list: by what",
                  &sort_,
                  Unit::none,
                  {"created_at", "last_used_at", "label", "platform", "id"}});
    settings.add({"--order", {}, "", "list: newest first or oldest", &order_, Unit::none, {"desc", "asc"}});
    settings.add({"--page", {}, "", "list: which page", &page_, Unit::none, {}, 1});
    settings.add({"--limit", {}, "", "list, usage: how many rows", &limit_, Unit::none, {}, 1});
    settings.add({"--count", {}, "", "create: how many", &count_, Unit::none, {}, 1});
    settings.add({"--label", {}, "", "create: who or what they are for", &label_});
    settings.add({"--platform", {}, "", "create: for which platform (default any)", &platform_});
    settings.add({"--daily-limit", {}, "", "create, set-quota: requests a day", &daily_limit_});
    settings.add({"--monthly-limit", {}, "", "create, set-quota: requests a month", &monthly_limit_});
    settings.add({"--plan", {}, "", "list: only of this plan; create, set-plan: the plan, or none", &plan_});
    settings.add({"--from", {}, "", "usage: from this day, as 2026-01-31", &from_});
    settings.add({"--to", {}, "", "usage: to this day", &to_});
    settings.add(
        {"--group", {}, "", "usage: by what", &group_, Unit::none, {"day", "token", "model", "plan"}});
  }

  std::filesystem::path default_config_file() const override { return admin_.data_dir / "opencat.toml"; }

  void run(Context& context) override {
    check_words();
    api_ = find_admin_api(admin_, context);
    if (action_ == "list") {
      const Json answer = api_->ask({"GET", "/tokens", "", list_query()});
      context.output.result(answer, token_list_text(answer));
    } else if (action_ == "create") {
      const Json answer = api_->ask({"POST", "/tokens", "", {}, create_body().dump()});
      context.output.result(answer, issued_text(answer));
    } else if (action_ == "usage") {
      const Json answer = api_->ask({"GET", "/usage", "", usage_query()});
      context.output.result(answer, usage_text(answer));
    } else {
      for_each_name(context);
    }
  }

 private:
  using Query = std::vector<std::pair<std::string, std::string>>;

  void check_words() const {
    if (action_.empty()) {
      throw Error(ErrorKind::usage,
                  "say what to do, as in 'opencat token list'; see opencat token --help for all");
    }
    const bool wants_names = action_ != "list" && action_ != "create" && action_ != "usage";
    if (wants_names && names_.empty()) {
      throw Error(ErrorKind::usage,
                  "'opencat token " + action_ + "' wants a token's id, as 'opencat token list' shows it");
    }
    if (!wants_names && !names_.empty()) {
      throw Error(ErrorKind::usage,
                  "'opencat token " + action_ + "' does not take '" + printable(names_.front()) + "'");
    }
    if (action_ == "set-quota" && daily_limit_ < 0 && monthly_limit_ < 0) {
      throw Error(ErrorKind::usage, "set-quota wants --daily-limit, --monthly-limit or both");
    }
    if (action_ == "set-plan" && plan_.empty()) {
      throw Error(ErrorKind::usage, "set-plan wants --plan with a plan's name, or none");
    }
  }

  /// Shows, changes or deletes each; the first failure ends it.
  void for_each_name(Context& context) {
    Json done = Json::array();
    std::string text;
    for (const std::string& name : names_) {
      if (action_ == "delete") {
        api_->ask({"DELETE", "/tokens", name});
        done.push_back({{"deleted", shown_name(name)}});
        text += "deleted " + shown_name(name) + "\n";
        continue;
      }
      if (action_ == "restore") {
        done.push_back(api_->ask({"POST", "/tokens", name, {}, "", "/restore"}));
        text.append(text.empty() ? "" : "\n").append(token_text(done.back()));
        continue;
      }
      const Json token = action_ == "show" ? api_->ask({"GET", "/tokens", name})
                                           : api_->ask({"PATCH", "/tokens", name, {}, change_body().dump()});
      done.push_back(token);
      text.append(text.empty() ? "" : "\n").append(token_text(token));
    }
    context.output.result(names_.size() == 1 ? done.front() : Json{{"tokens", done}}, text);
  }

  /// A whole token must not stay in a terminal's history of output.
  static std::string shown_name(const std::string& name) {
    return name.rfind("occ_", 0) == 0 ? masked(name) : printable(name);
  }

  Query list_query() const {
    Query query{{"sort", sort_}, {"order", order_}, {"page", std::to_string(page_)}};
    if (!status_.empty()) query.emplace_back("status", status_);
    if (!plan_.empty()) query.emplace_back("plan", plan_);
    if (!search_.empty()) query.emplace_back("q", search_);
    if (limit_ > 0) query.emplace_back("limit", std::to_string(limit_));
    return query;
  }

  Query usage_query() const {
    Query query{{"group", group_}};
    if (!from_.empty()) query.emplace_back("from", from_);
    if (!to_.empty()) query.emplace_back("to", to_);
    if (limit_ > 0) query.emplace_back("limit", std::to_string(limit_));
    return query;
  }

  Json quota() const {
    Json limits = Json::object();
    if (daily_limit_ >= 0) limits["daily_limit"] = daily_limit_;
    if (monthly_limit_ >= 0) limits["monthly_limit"] = monthly_limit_;
    return limits;
  }

  /// As the API has it; "none" is no plan's name there.
  Json plan() const { return plan_ == "none" ? Json() : Json(plan_); }

  Json create_body() const {
    Json body{{"count", count_}, {"label", label_}, {"quota", quota()}};
    if (!platform_.empty()) body["platform"] = platform_;
    if (!plan_.empty()) body["plan"] = plan();
    return body;
  }

  Json change_body() const {
    if (action_ == "set-quota") return {{"quota", quota()}};
    if (action_ == "set-plan") return {{"plan", plan()}};
    return {{"status", action_ == "enable" ? "active" : "disabled"}};
  }

  AdminSettings admin_;
  std::unique_ptr<AdminApi> api_;
  std::string action_;
  std::vector<std::string> names_;
  std::string status_, search_, sort_ = "created_at", order_ = "desc";
  std::string label_, platform_, plan_, from_, to_, group_ = "day";
  std::int64_t page_ = 1;
  std::int64_t count_ = 1;
  // Negative: not given.
  std::int64_t limit_ = -1, daily_limit_ = -1, monthly_limit_ = -1;
};

}  // namespace

std::unique_ptr<Command> make_token_command() { return std::make_unique<Token>(); }

}  // namespace opencat
