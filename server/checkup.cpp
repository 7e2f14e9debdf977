// SPDX-License-Identifier: MIT
#include "server/checkup.hpp"

#include <iomanip>
#include <locale>
#include <sstream>

#include <nlohmann/json.hpp>

#include "opencat/descriptor.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/sockets.hpp"
#include "opencat/text.hpp"
#include "server/http/httplib_bridge.hpp"
#include "server/local_admin.hpp"
#include "server/server_data.hpp"
#include "server/store/table_port.hpp"
#include "server/store/upgrade.hpp"

namespace opencat {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using State = Finding::State;

namespace {

constexpr std::uintmax_t little_disk = 1ull << 30;
constexpr std::uintmax_t no_disk = 100ull << 20;
constexpr std::chrono::seconds clock_slack{60};

/// The folder, or the nearest above it that is there.
fs::path existing(fs::path folder) {
  folder = fs::absolute(folder);
  while (!fs::exists(folder) && folder.has_relative_path()) folder = folder.parent_path();
  return folder;
}

/// A Date header; nothing when it is none.
std::optional<Time> time_of(const std::string& date) {
  std::tm parts{};
  std::istringstream text(date);
  text.imbue(std::locale::classic());
  text >> std::get_time(&parts, "%a, %d %b %Y %H:%M:%S");
  if (text.fail()) return std::nullopt;
  const std::chrono::year_month_day day{std::chrono::year(parts.tm_year + 1900),
                                        std::chrono::month(static_cast<unsigned>(parts.tm_mon + 1)),
                                        std::chrono::day(static_cast<unsigned>(parts.tm_mday))};
  return Time(std::chrono::sys_days(day) + std::chrono::hours(parts.tm_hour) +
              std::chrono::minutes(parts.tm_min) + std::chrono::seconds(parts.tm_sec));
}

}  // namespace

ServerCheckup::ServerCheckup(const ServerOptions& options, Clock& clock, HttpClient& client, bool may_chat,
                             Tell tell)
    : options_(options), clock_(clock), client_(client), may_chat_(may_chat), tell_(std::move(tell)) {}

void ServerCheckup::run(const std::stop_token& stop) {
  check_data_folder();
  check_disk();
  check_database();
  check_port(stop);
  check_upstreams(stop);
  check_public_url(stop);
  check_clock();
}

HttpResponse ServerCheckup::ask(const std::string& url, const std::stop_token& stop) {
  HttpRequest request;
  request.url = url;
  return send(request, stop);
}

HttpResponse ServerCheckup::send(const HttpRequest& request, const std::stop_token& stop) {
  HttpResponse answer = client_.send(request, stop);
  const std::string* date = find_header(answer.headers, "Date");
  if (date != nullptr && !is_loopback_url(request.url)) {
    date_ = *date;
    date_came_ = clock_.now();
  }
  return answer;
}

void ServerCheckup::check_data_folder() {
  const fs::path& folder = options_.data_dir;
  const std::string name = folder.string();
  if (!fs::exists(folder))
    return tell_({"data folder",
                  State::doubtful,
                  {name + " is not there yet; the first start makes it"},
                  {"if the server has run before, name its folder with --data-dir"}});
  try {
    const TemporaryFolder scratch(folder, ".opencat-doctor-");
  } catch (const Error& error) {
    return tell_({"data folder",
                  State::bad,
                  {error.message()},
                  {"give " + name + " to the user that runs opencat: chown -R USER " + name}});
  }
  if (!descriptor::is_private(folder))
    return tell_({"data folder",
                  State::doubtful,
                  {"other users of this machine may look into " + name},
                  {"chmod 700 " + name}});
  tell_({"data folder", State::good, {name + ", its owner's alone"}});
}

void ServerCheckup::check_disk() {
  const auto available = fs::space(existing(options_.data_dir)).available;
  const std::string found = human_size(available) + " free";
  if (available >= little_disk) return tell_({"disk", State::good, {found}});
  tell_({"disk",
         available < no_disk ? State::bad : State::doubtful,
         {"only " + found},
         {"make room, or move the data folder to a larger disk (--data-dir)"}});
}

/// PostgreSQL, without changing anything there.
void ServerCheckup::check_shared_store() {
  try {
    open_table_port({options_.store, {}}, PortUse::source);
    tell_({"database", State::good, {"PostgreSQL answers, and its tables are of this opencat"}});
  } catch (const Error& error) {
    tell_(
        {"database",
         State::bad,
         {error.message() + (error.detail().empty() ? "" : ": " + error.detail())},
         {"see that it runs, that the address of --store is right, and that the first start made its tables"},
         error.kind()});
  }
}

void ServerCheckup::check_database() {
  if (!options_.store.empty()) return check_shared_store();
  const fs::path file = server_data::database(options_.data_dir);
  if (!fs::exists(file)) return tell_({"database", State::good, {"none yet; the first start makes it"}});
  try {
    const bool older = wants_migration(file);
    tell_(
        {"database",
         State::good,
         {older ? "of an older opencat: the next start copies it and brings it up to date" : file.string()}});
  } catch (const Error& error) {
    // The message says what to do.
    tell_({"database", State::bad, {error.message()}, {}, error.kind()});
  }
}

void ServerCheckup::check_port(const std::stop_token& stop) {
  served_ = is_being_served(options_.data_dir);
  const std::string address = served_ ? address_of_server(options_.data_dir) : std::string();
  if (served_ && address.starts_with("http://")) {
    try {
      const int status = ask(address + "/readyz", stop).status;
      if (status == 200) return tell_({"server", State::good, {"serves at " + address}});
      return tell_({"server",
                    State::bad,
                    {address + "/readyz answers " + std::to_string(status)},
                    {"its log says why"},
                    ErrorKind::unavailable});
    } catch (const Error& error) {
      return tell_({"server",
                    State::bad,
                    {error.message()},
                    {"the process lives and does not answer: look at its log, and restart it"},
                    error.kind()});
    }
  }
  if (served_)
    return tell_({"server", State::good, {"runs" + (address.empty() ? address : " at " + address)}});
  try {
    http::Listener listener([](int socket) { sockets::close(socket); });
    const int port = listener.listen(options_.host, options_.port);
    tell_({"port", State::good, {options_.host + ":" + std::to_string(port) + " is free; no server runs"}});
  } catch (const Error& error) {
    tell_({"port",
           State::bad,
           {error.message()},
           {"see who has it (ss -ltnp), or choose another with --port"},
           error.kind()});
  }
}

void ServerCheckup::check_public_url(const std::stop_token& stop) {
  const std::string& url = options_.public_url;
  if (url.empty())
    return tell_({"public URL",
                  State::doubtful,
                  {"not set: bundles and links name " + options_.host},
                  {"set --public-url to the address that users know"}});
  try {
    const HttpResponse answer = ask(url + "/healthz", stop);
    const Json said = Json::parse(answer.body, nullptr, false);
    if (answer.status == 200 && said.is_object() && said.contains("protocol_version"))
      return tell_({"public URL", State::good, {url + " reaches an opencat"}});
    const bool absent = answer.status == 502 || answer.status == 503;
    tell_({"public URL",
           absent && !served_ ? State::doubtful : State::bad,
           {url + "/healthz answers " + std::to_string(answer.status) +
            (absent ? "" : ", which no opencat says")},
           {absent ? "start the server; is the proxy's port the one it listens on?"
                   : "who answers there? The proxy must pass this path on: packaging/proxies has examples"},
           ErrorKind::network});
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    tell_({"public URL",
           State::bad,
           {error.message()},
           {served_ ? "see the proxy, its certificate, DNS and the firewall"
                    : "start the server, then its proxy"},
           error.kind()});
  }
}

void ServerCheckup::check_clock() {
  const auto told = time_of(date_);
  if (!told) return tell_({"clock", State::good, {iso8601(clock_.now()) + "; nobody was asked"}});
  const auto apart = std::chrono::duration_cast<std::chrono::seconds>(date_came_ - *told);
  if (std::chrono::abs(apart) <= clock_slack) return tell_({"clock", State::good, {iso8601(clock_.now())}});
  tell_({"clock",
         State::bad,
         {"is " + std::to_string(std::chrono::abs(apart).count()) + " seconds " +
          (apart.count() > 0 ? "ahead of" : "behind") + " others'"},
         {"let the system keep it: timedatectl set-ntp true (quotas begin by it, and certificates end by "
          "it)"}});
}

}  // namespace opencat
