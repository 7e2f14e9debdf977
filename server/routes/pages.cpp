// SPDX-License-Identifier: MIT
#include "server/routes/pages.hpp"

#include <nlohmann/json.hpp>

#include "opencat/assets.hpp"
#include "server/http/accept_encoding.hpp"
#include "server/http/byte_range.hpp"

namespace opencat::routes {

using Json = nlohmann::json;

namespace {

/// No script, style or connection but the server's own, and no inline ones: what a page shows comes from
/// outside. Scripts make nodes, never markup; a policy of the page's own name is for what must, once it is
/// cleaned.
constexpr const char* content_security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types opencat";

/// What no page here asks for.
constexpr const char* permissions_policy =
    "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), geolocation=(), "
    "gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), publickey-credentials-get=(), "
    "screen-wake-lock=(), usb=(), xr-spatial-tracking=()";

/// `text` as a regular expression that matches it and nothing else.
std::string quoted_pattern(const std::string& text) {
  std::string pattern;
  for (const char c : text) {
    if (std::string_view("\\^$.|?*+()[]{}").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

/// A file in one of its content codings.
struct Variant {
  std::string_view bytes;
  std::string etag;  ///< one of its own: these are other bytes
  http::Headers headers;
};

struct Page {
  std::vector<std::string> codings;  ///< the one wanted most first
  std::vector<Variant> variants;
};

http::Headers page_headers(const Json& entry) {
  return {{"Content-Type", entry.at("type").get<std::string>()},
          // A file whose name holds its hash never changes; the page that names it is asked for each time.
          {"Cache-Control",
           entry.at("immutable").get<bool>() ? "public, max-age=31536000, immutable" : "no-cache"},
          {"Vary", "Accept-Encoding"},
          {"Content-Security-Policy", content_security_policy},
          {"Referrer-Policy", "no-referrer"},
          {"X-Content-Type-Options", "nosniff"},
          {"Cross-Origin-Opener-Policy", "same-origin"},
          {"Cross-Origin-Resource-Policy", "same-origin"},
          {"Permissions-Policy", permissions_policy}};
}

Page make_page(const Json& entry) {
  Page page;
  const auto add = [&](const std::string& coding, const std::string& file) {
    Variant variant{asset("web/" + file), {}, page_headers(entry)};
    // Made by the build: making it here would touch every page at each start, and so keep it in memory.
    variant.etag = "\"" + entry.at("etags").at(coding).get<std::string>() + "\"";
    variant.headers.emplace_back("ETag", variant.etag);
    if (coding != "identity") variant.headers.emplace_back("Content-Encoding", coding);
    page.codings.push_back(coding);
    page.variants.push_back(std::move(variant));
  };
  for (const char* coding : {"br", "gzip"}) {
    const auto packed = entry.find(coding);
    if (packed != entry.end()) add(coding, packed->get<std::string>());
  }
  add("identity", entry.at("file").get<std::string>());
  return page;
}

http::LoopHandler serve_page(Page given) {
  return [page = std::make_shared<const Page>(std::move(given))](
             const std::shared_ptr<http::Exchange>& exchange) {
    const http::Request& request = exchange->request();
    const Variant& variant =
        page->variants[http::choose_coding(request.header("Accept-Encoding"), page->codings)];
    const bool unchanged = http::is_known(request, variant.etag);
    http::Response response{unchanged ? 304 : 200, variant.headers};
    if (!unchanged) response.body = variant.bytes;
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
