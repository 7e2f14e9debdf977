// SPDX-License-Identifier: MIT
#include "server/routes/relay.hpp"

#include "server/routes/form_session.hpp"

namespace opencat::routes {

void add_relay_routes(http::Routes& routes, Services& services) {
  for (const Endpoint& endpoint : json_endpoints()) {
    routes.push_back(
        {"POST", "/v1" + endpoint.path, http::Access::token,
         http::LoopHandler([&](const std::shared_ptr<http::Exchange>& exchange) {
           auto body = json_body(endpoint, exchange->request());
           std::make_shared<RelaySession>(services, endpoint, exchange, std::move(body))->start();
         })});
  }
  for (const Endpoint& endpoint : form_endpoints()) {
    routes.push_back({"POST", "/v1" + endpoint.path, http::Access::token,
                      http::LoopHandler([&](const std::shared_ptr<http::Exchange>& exchange) {
                        std::make_shared<FormSession>(services, endpoint, exchange)->start();
                      }),
                      http::BodyMode::streamed});
  }
}

}  // namespace opencat::routes
