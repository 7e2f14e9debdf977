// SPDX-License-Identifier: MIT
#include "commands/admin_api.hpp"

#include <nlohmann/json.hpp>

#include "commands/runtime_settings.hpp"
#include "commands/serve_settings.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/text.hpp"
#include "server/local_admin.hpp"
#include "server/server_data.hpp"

namespace opencat {

using Json = nlohmann::json;

namespace {

/// The kind whose code and status these are; `failed` when there is none.
ErrorKind kind_of(const std::string& code, int status) {
  for (int i = 0; i <= static_cast<int>(ErrorKind::interrupted); ++i) {
    const ErrorFacts& known = facts(static_cast<ErrorKind>(i));
    if (known.code == code && known.http_status == status) return static_cast<ErrorKind>(i);
  }
  return ErrorKind::failed;
}

class RemoteAdmin : public AdminApi {
 public:
  RemoteAdmin(std::string url, std::string secret, Context& context)
      : url_(std::move(url)), secret_(std::move(secret)), http_(http_options(context)), stop_(context.stop) {}

  Json ask(const Request& wanted) override {
    HttpRequest request;
    request.method = wanted.method;
    request.url = url_ + "/api/admin" + wanted.path;
    if (!wanted.name.empty()) request.url.append("/").append(percent_encode(wanted.name));
    request.url += wanted.what;
    const char* separator = "?";
    for (const auto& [name, value] : wanted.query) {
      request.url.append(separator).append(name).append("=").append(percent_encode(value));
      separator = "&";
    }
    request.body = wanted.body;
    request.redirects = HttpRequest::Redirects::refuse;
    request.headers = {{"X-Admin-Secret", secret_}, {"Accept", "application/json"}};
    if (!wanted.body.empty()) request.headers.emplace_back("Content-Type", "application/json");
    const HttpResponse response = http_.send(request, stop_);
    if (response.status == 204) return {};
    Json answer = Json::parse(response.body, nullptr, false);
    if (response.status == 200 && answer.is_object()) return answer;
    throw_answered(response, answer);
  }

 private:
  [[noreturn]] void throw_answered(const HttpResponse& response, const Json& answer) const {
    if (response.status == 401) {
      throw Error(ErrorKind::unauthorized,
                  "the server at " + url_ +
                      " refuses the admin secret; check OPENCAT_ADMIN_SECRET, or the file named by "
                      "--admin-secret-file");
    }
    const Json error = answer.is_object() ? answer.value("error", Json()) : Json();
    const std::string code = error.is_object() ? error.value("code", "") : "";
    if (code.empty() || code == "NOT_FOUND") {
      const std::string status = "status " + std::to_string(response.status);
      if (response.status >= 500)
        throw Error(ErrorKind::network, url_ + " answers with " + status + "; try again");
      throw Error(ErrorKind::usage,
                  "what answers at " + url_ + " is no OpenCat server, or an older one; check --server-url",
                  status);
    }
    throw Error(kind_of(code, response.status), error.value("message", "the server refused"));
  }

  std::string url_;
  std::string secret_;
  HttpClient http_;
  std::stop_token stop_;
};

class DataAdmin : public AdminApi {
 public:
  explicit DataAdmin(Context& context, const ServerOptions& options)
      : admin_(options, context.clock, context.entropy) {}

  Json ask(const Request& wanted) override {
    const std::string path = wanted.path + (wanted.name.empty() ? "" : "/" + wanted.name) + wanted.what;
    const http::Response response = admin_.ask(wanted.method, path, wanted.query, wanted.body);
    return response.body.empty() ? Json() : Json::parse(response.body);
  }

 private:
  LocalAdmin admin_;
};

std::string secret_for(const AdminSettings& settings, const Context& context,
                       const std::filesystem::path& kept_by_server) {
  if (!settings.admin_secret_file.empty()) {
    return std::string(trim(read_file(settings.admin_secret_file, 4096)));
  }
  if (const auto secret = context.environment.get("OPENCAT_ADMIN_SECRET")) return *secret;
  if (!kept_by_server.empty()) {
    if (const auto kept = read_file_if_there(kept_by_server, 4096)) return std::string(trim(*kept));
  }
  throw Error(ErrorKind::usage,
              "the server's admin secret is needed: set OPENCAT_ADMIN_SECRET, or name its file with "
              "--admin-secret-file");
}

/// What `opencat serve` would be given here.
ServerOptions serve_options(const Context& context) {
  ServeSettings serve;
  Settings rows;
  serve.declare(rows);
  context.fill_again(rows);
  return serve.data_options();
}

}  // namespace

void AdminSettings::declare(Settings& settings) {
  settings.add({"--server-url", {"OPENCAT_SERVER_URL"}, "server_url", "The server to ask", &server_url});
  settings.add({"--admin-secret-file",
                {"OPENCAT_ADMIN_SECRET_FILE"},
                "admin_secret_file",
                "Its admin secret, in a file (or in OPENCAT_ADMIN_SECRET)",
                &admin_secret_file});
  settings.add({"--data-dir",
                {"OPENCAT_DATA_DIR"},
                "",
                "Without --server-url: the data folder of the server on this machine, running or not",
                &data_dir});
}

std::unique_ptr<AdminApi> find_admin_api(const AdminSettings& settings, Context& context) {
  if (!settings.server_url.empty()) {
    const std::string url = checked_base_url(settings.server_url, "--server-url");
    return std::make_unique<RemoteAdmin>(url, secret_for(settings, context, {}), context);
  }
  if (!is_being_served(settings.data_dir)) {
    return std::make_unique<DataAdmin>(context, serve_options(context));
  }
  const std::string url = address_of_server(settings.data_dir);
  if (url.empty()) {
    throw Error(ErrorKind::usage, "a running opencat has " + settings.data_dir.string() +
                                      ", and its address is not known: name it with --server-url");
  }
  const std::string secret = secret_for(settings, context, server_data::admin_secret(settings.data_dir));
  return std::make_unique<RemoteAdmin>(url, secret, context);
}

}  // namespace opencat
