// SPDX-License-Identifier: MIT
#include "bundle/pc_checkup.hpp"

#include <nlohmann/json.hpp>

#include "bundle/bundle_check.hpp"
#include "bundle/installed.hpp"
#include "bundle/layout.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/platform.hpp"
#include "opencat/process.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using State = Finding::State;

namespace {

const Finding::Words install_again{"install again: unzip the bundle and open its installer",
                                   "请重新安装：解压安装包，再打开其中的安装程序"};

std::string member(const Json& object, const char* name) {
  return object.is_object() && object.contains(name) && object.at(name).is_string()
             ? object.at(name).get<std::string>()
             : std::string();
}

void check_files_of(const fs::path& version, const std::function<void(Finding)>& tell,
                    const std::stop_token& stop) {
  try {
    const Json bundle = check_description(read_file_if_there(version / "bundle.json"));
    if (has_all_files(version, bundle, stop))
      return tell({"installation", State::good, {version.string(), version.string()}});
    tell({"installation",
          State::bad,
          {"files in " + version.string() + " are missing or changed",
           version.string() + " 中有文件缺失或被改动"},
          install_again,
          ErrorKind::integrity});
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    tell({"installation", State::bad, {error.message()}, install_again, error.kind()});
  }
}

void check_node(const fs::path& version, const Environment& environment,
                const std::function<void(Finding)>& tell, const std::stop_token& stop) {
  const fs::path node = version / layout::node_folder / layout::node_program(this_platform());
  Finding bad{"node",
              State::bad,
              {node.string() + " does not start", node.string() + " 无法启动"},
              {"does an antivirus program hold it back? If not, install again",
               "是否被杀毒软件拦截？如果不是，请重新安装"}};
  try {
    ProcessRequest request{{node.string(), "--version"}, environment, {}};
    request.standard_output = ProcessRequest::Stdout::capture;
    const ProcessResult result = run_process(request, stop);
    const std::string said(trim(result.output));
    if (result.exit_code != 0) return tell(bad);
    tell({"node", State::good, {"Node " + said, "Node " + said}});
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    tell(bad);
  }
}

/// Whether the server answered as an opencat does.
bool check_server(const std::string& server, HttpClient& client, const std::function<void(Finding)>& tell,
                  const std::stop_token& stop) {
  try {
    HttpRequest request;
    request.url = server + "/healthz";
    const int status = client.send(request, stop).status;
    if (status == 200) {
      tell({"server", State::good, {server, server}});
      return true;
    }
    const std::string answer = std::to_string(status);
    tell({"server",
          State::bad,
          {server + " answers " + answer, server + " 的回答是 " + answer},
          {"try again later; if it stays so, tell your administrator",
           "请稍后再试；如果一直如此，请告诉管理员"},
          ErrorKind::unavailable});
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    tell({"server",
          State::bad,
          {error.message(), "无法连接 " + server},
          {"is this PC online, or does its network need a VPN or a proxy (HTTPS_PROXY)?",
           "这台电脑能上网吗？所在网络是否需要 VPN 或代理（HTTPS_PROXY）？"},
          error.kind()});
  }
  return false;
}

void check_token(const std::string& server, const std::string& token, HttpClient& client,
                 const std::function<void(Finding)>& tell, const std::stop_token& stop) {
  HttpRequest request;
  request.url = server + "/api/tokens/self/status";
  request.headers = {{"Authorization", "Bearer " + token}};
  request.redirects = HttpRequest::Redirects::refuse;
  const HttpResponse answer = client.send(request, stop);
  const Json said = Json::parse(answer.body, nullptr, false);
  if (answer.status == 200 && member(said, "status") == "active")
    return tell({"token", State::good, {"known to the server", "服务器认识它"}});
  const Finding::Words ask{"ask your administrator for a new bundle", "请向管理员索取新的安装包"};
  if (answer.status == 200 || answer.status == 403)
    return tell({"token",
                 State::bad,
                 {"is disabled", "已被停用"},
                 {"ask your administrator to enable it", "请管理员启用它"},
                 ErrorKind::token_disabled});
  if (answer.status == 401 || answer.status == 404)
    return tell({"token",
                 State::bad,
                 {"the server does not know it", "服务器不认识它"},
                 ask,
                 ErrorKind::unauthorized});
  const std::string status = std::to_string(answer.status);
  tell({"token",
        State::doubtful,
        {"the server answers " + status, "服务器的回答是 " + status},
        {"try again later", "请稍后再试"}});
}

Json json_in(const fs::path& file) {
  return Json::parse(read_file_if_there(file).value_or(""), nullptr, false);
}

/// Installed by its own script, a bundle is used where it was unpacked.
bool is_unpacked_bundle(const fs::path& folder) {
  return fs::exists(folder / "bundle.json") && fs::exists(folder / layout::setup);
}

}  // namespace

bool is_installed_in(const fs::path& prefix) {
  return Installed(prefix).current_or_any().has_value() || is_unpacked_bundle(prefix);
}

void check_pc(const fs::path& prefix, const Environment& environment, HttpClient& client,
              const std::function<void(Finding)>& tell, const std::stop_token& stop) {
  auto version = Installed(prefix).current();
  if (!version && is_unpacked_bundle(prefix)) version = prefix;
  if (!version)
    return tell({"installation",
                 State::bad,
                 {"nothing is installed in " + prefix.string(), prefix.string() + " 中没有安装任何东西"},
                 install_again,
                 ErrorKind::usage});
  check_files_of(*version, tell, stop);
  check_node(*version, environment, tell, stop);
  const Json config = json_in(prefix / "data" / "config.json");
  std::string server = member(config, "server_url");
  const std::string token = member(config, "token");
  if (server.empty() || token.empty()) {
    // That it has none may be the server's doing.
    if (server.empty()) server = member(json_in(*version / "bundle.json"), "server_url");
    if (!server.empty()) check_server(server, client, tell, stop);
    return tell({"token",
                 State::bad,
                 {"there is none in " + (prefix / "data" / "config.json").string(),
                  (prefix / "data" / "config.json").string() + " 中没有令牌"},
                 install_again});
  }
  if (check_server(server, client, tell, stop)) check_token(server, token, client, tell, stop);
}

}  // namespace opencat
