// SPDX-License-Identifier: MIT
#include "opencat/http_target.hpp"

#include "opencat/curl.hpp"

namespace opencat {

namespace {

using curl::part_of;

std::string host_part(CURLU* url) {
#ifdef CURLU_PUNYCODE
  if (std::string ascii = part_of(url, CURLUPART_HOST, CURLU_PUNYCODE); !ascii.empty()) return ascii;
#endif
  return part_of(url, CURLUPART_HOST);
}

}  // namespace

std::shared_ptr<const HttpTarget> parse_target(const std::string& text) {
  const curl::Url url(curl_url(), &curl_url_cleanup);
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return nullptr;
  auto target = std::make_shared<HttpTarget>();
  const std::string port = part_of(url.get(), CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);
  const std::string query = part_of(url.get(), CURLUPART_QUERY);
  target->host = host_part(url.get()) + (port.empty() ? "" : ":" + port);
  target->origin = part_of(url.get(), CURLUPART_SCHEME) + "://" + target->host;
  target->path = part_of(url.get(), CURLUPART_PATH) + (query.empty() ? "" : "?" + query);
  target->printable = curl::printable(text);
  return target;
}

Error no_web_address(const std::string& url) { return curl::explain(CURLE_URL_MALFORMAT, url, {}); }

Error did_not_answer(const HttpTarget& target) {
  return curl::explain(CURLE_OPERATION_TIMEDOUT, target.printable, {});
}

}  // namespace opencat
