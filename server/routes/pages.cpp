// SPDX-License-Identifier: MIT
#include "server/routes/pages.hpp"

#include <nlohmann/json.hpp>

#include "opencat/assets.hpp"
#include "opencat/digest.hpp"

namespace opencat::routes {

using Json = nlohmann::json;

namespace {

/// No script, style or connection but the server's own, and no inline ones: what a page shows comes from
/// outside.
constexpr const char* content_security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src "
    "'self'; "
    "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `text` as a regular expression that matches it and nothing else.
std::string quoted_pattern(const std::string& text) {
  std::string pattern;
  for (const char c : text) {
    if (std::string_view("\\^$.|?*+()[]{}").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

struct Page {
  std::string_view bytes;
  http::Headers headers;
  std::string etag;
};

Page make_page(const Json& entry) {
  Page page;
  page.bytes = asset("web/" + entry.at("file").get<std::string>());
  page.etag = "\"" + sha256_hex(page.bytes).substr(0, 16) + "\"";
  page.headers = {
      {"Content-Type", entry.at("type").get<std::string>()},
      {"ETag", page.etag},
      // A file whose name holds its hash never changes; the page that names it is asked for each time.
      {"Cache-Control",
       entry.at("immutable").get<bool>() ? "public, max-age=31536000, immutable" : "no-cache"},
      {"Content-Security-Policy", content_security_policy},
      {"Referrer-Policy", "no-referrer"},
      {"X-Content-Type-Options", "nosniff"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Permissions-Policy", "camera=(), microphone=(), geolocation=()"}};
  return page;
}

http::LoopHandler serve_page(Page page) {
  return [page = std::move(page)](const std::shared_ptr<http::Exchange>& exchange) {
    const std::string* known = exchange->request().header("If-None-Match");
    const bool unchanged = known != nullptr && known->find(page.etag) != std::string::npos;
    http::Response response{unchanged ? 304 : 200, page.headers};
    if (!unchanged) response.body = page.bytes;
    exchange->respond(std::move(response));
  };
}

}  // namespace

void add_page_routes(http::Routes& routes, const std::string& public_url, Downloads downloads) {
  const Json index = Json::parse(asset("web/index.json"));
  for (const auto& [path, entry] : index.items()) {
    if (path == "/download" && downloads == Downloads::none) continue;
    routes.push_back({"GET", quoted_pattern(path), http::Access::anyone, serve_page(make_page(entry))});
  }
  routes.push_back(
      {"GET", "/", http::Access::anyone,
       http::LoopHandler([target = public_url + "/chat"](const std::shared_ptr<http::Exchange>& exchange) {
         exchange->respond({302, {{"Location", target}}});
       })});
}

}  // namespace opencat::routes
