// SPDX-License-Identifier: MIT
// The only file that includes <curl/curl.h>; private to http_client.cpp, http_links.cpp and
// http_target.cpp.
#pragma once

#include <memory>
#include <string>

#include <curl/curl.h>

#include "opencat/error.hpp"
#include "opencat/http_client.hpp"

namespace opencat::curl {

/// libcurl's global state, made once before the first handle and never taken down: it must outlive every
/// thread.
void initialise();

using Easy = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using Url = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

Easy make_easy();

/// Sets what every request of this program shares: signals off, protocols, redirects, TLS, times.
void apply_limits(CURL* easy, const HttpLimits& limits);

/// Whom to trust: the certificates in `ca_file`, or the system's when it is "".
void trust(CURL* easy, const std::string& ca_file);

/// A part of the URL, or "" when it has none.
std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0);

/// What a libcurl failure means to the person who asked for `url`.
Error explain(CURLcode code, const std::string& url, const std::string& detail);

/// `url` without its user, password and query, which may hold secrets.
std::string printable(const std::string& url);

}  // namespace opencat::curl
