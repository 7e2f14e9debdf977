// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <stop_token>

#include "opencat/finding.hpp"
#include "opencat/http_client.hpp"
#include "server/server.hpp"

namespace opencat {

/// `opencat doctor` for a server: whatever a server with these options needs, running or not. Nothing of it
/// is changed. An upstream is asked for a few words if `may_chat`, which may cost as much.
class ServerCheckup {
 public:
  using Tell = std::function<void(Finding)>;
  ServerCheckup(const ServerOptions& options, Clock& clock, HttpClient& client, bool may_chat, Tell tell);

  void run(const std::stop_token& stop);

 private:
  void check_data_folder();
  void check_disk();
  void check_database();
  void check_shared_store();
  void check_port(const std::stop_token& stop);
  void check_upstreams(const std::stop_token& stop);
  void check_public_url(const std::stop_token& stop);
  void check_clock();
  bool check_models(const UpstreamConfig& upstream, const std::stop_token& stop);
  void check_stream(const UpstreamConfig& upstream, const std::stop_token& stop);
  HttpResponse ask(const std::string& url, const std::stop_token& stop);
  HttpResponse send(const HttpRequest& request, const std::stop_token& stop);

  const ServerOptions& options_;
  Clock& clock_;
  HttpClient& client_;
  bool may_chat_;
  Tell tell_;
  bool served_ = false;  ///< a server has the data folder
  std::string date_;     ///< as another machine last told it
  Time date_came_;
};

}  // namespace opencat
