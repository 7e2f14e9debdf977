// SPDX-License-Identifier: MIT
#include "bundle/document_cache.hpp"

#include <nlohmann/json.hpp>

#include "bundle/download.hpp"
#include "opencat/digest.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"

namespace opencat {

using Json = nlohmann::json;

namespace {

constexpr auto lifetime = std::chrono::hours(1);
constexpr std::uint64_t max_document = 128u << 20;

std::int64_t seconds(Time time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::string header(const HttpResponse& response, const char* name) {
  const std::string* value = find_header(response.headers, name);
  return value != nullptr ? *value : std::string();
}

}  // namespace

/// On disk: a line of JSON with the first three, and the body behind it as it came.
struct DocumentCache::Entry {
  std::int64_t checked_at = 0;  ///< seconds since 1970; 0: there is no such document here
  std::string etag;
  std::string last_modified;
  std::string body;

  bool is_fresh(Time now) const {
    const std::int64_t age = seconds(now) - checked_at;
    return checked_at != 0 && age >= 0 && age < std::chrono::seconds(lifetime).count();
  }
};

std::filesystem::path DocumentCache::file_of(const HttpRequest& request) const {
  // The same address may answer in several forms.
  const std::string* accept = find_header(request.headers, "Accept");
  const std::string key = request.url + " " + (accept != nullptr ? *accept : "");
  return folder_ / ("document-" + sha256_hex(key).substr(0, 32));
}

DocumentCache::Entry DocumentCache::read(const HttpRequest& request) const {
  auto text = read_file_if_there(file_of(request), max_document + 4096);
  const std::size_t end = text ? text->find('\n') : std::string::npos;
  if (end == std::string::npos) return {};
  const Json head = Json::parse(text->substr(0, end), nullptr, false);
  try {
    return {head.at("checked_at").get<std::int64_t>(), head.at("etag").get<std::string>(),
            head.at("last_modified").get<std::string>(), text->substr(end + 1)};
  } catch (const Json::exception&) {
    return {};
  }
}

void DocumentCache::write(const HttpRequest& request, const Entry& entry) const {
  const Json head{{"url", request.url},
                  {"checked_at", entry.checked_at},
                  {"etag", entry.etag},
                  {"last_modified", entry.last_modified}};
  make_folders(folder_, 0700);
  write_file_atomically(file_of(request),
                        head.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n" + entry.body,
                        FileMode::secret);
}

bool DocumentCache::is_fresh(const HttpRequest& request) const {
  return read(request).is_fresh(clock_.now());
}

Json DocumentCache::get(HttpClient& http, const HttpRequest& request, const std::string& what,
                        std::stop_token stop) {
  Entry entry = read(request);
  Json document = Json::parse(entry.body, nullptr, false);
  const bool usable = entry.checked_at != 0 && !document.is_discarded();
  if (usable && entry.is_fresh(clock_.now())) return document;
  HttpRequest asking = request;
  asking.max_body_bytes = max_document;
  if (usable && !entry.etag.empty()) asking.headers.emplace_back("If-None-Match", entry.etag);
  if (usable && !entry.last_modified.empty()) {
    asking.headers.emplace_back("If-Modified-Since", entry.last_modified);
  }
  HttpResponse response = http.send(asking, std::move(stop));
  if (response.status != 304 || !usable) {
    document = parse_json(response, request, what);
    entry.body = std::move(response.body);
    entry.etag = header(response, "ETag");
    entry.last_modified = header(response, "Last-Modified");
  }
  entry.checked_at = seconds(clock_.now());
  write(request, entry);
  return document;
}

}  // namespace opencat
