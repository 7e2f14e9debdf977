// SPDX-License-Identifier: MIT
#include "server/routes/admin.hpp"

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"

namespace opencat::routes {

namespace {

const char* mode_text(EnrollmentMode mode) {
  switch (mode) {
    case EnrollmentMode::open:
      return "open";
    case EnrollmentMode::key:
      return "key";
    case EnrollmentMode::closed:
      return "closed";
  }
  return "";
}

}  // namespace

void add_admin_routes(http::Routes& routes, Services& services, const AccessGuard& guard) {
  routes.push_back({"GET", "/api/admin/enrollment", http::Access::admin,
                    http::BlockingHandler([&guard](const http::Request&) {
                      return http::json_response(200, {{"mode", mode_text(guard.options().mode)},
                                                       {"key", guard.options().enroll_key}});
                    })});
  routes.push_back({"DELETE", "/api/admin/tokens/([^/]+)", http::Access::admin,
                    http::BlockingHandler([&services](const http::Request& request) {
                      const std::string& name = request.captures.at(0);
                      if (!services.store.remove(is_token(name) ? token_hash(name) : name)) {
                        throw Error(ErrorKind::token_not_found, "there is no such token");
                      }
                      return http::Response{204};
                    })});
}

}  // namespace opencat::routes
