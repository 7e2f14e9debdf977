// SPDX-License-Identifier: MIT
#include "bundle/download.hpp"

#include <fstream>

#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "opencat/file.hpp"

namespace opencat {

namespace {

/// The server's own words, if it gave any in the protocol's form.
std::string told_by(const HttpResponse& response) {
  const auto body = nlohmann::json::parse(response.body, nullptr, false);
  const nlohmann::json::json_pointer pointer("/error/message");
  if (body.is_object() && body.contains(pointer) && body.at(pointer).is_string()) {
    return body.at(pointer).get<std::string>();
  }
  return "HTTP status " + std::to_string(response.status);
}

ErrorKind kind_of(int status) {
  if (status == 401 || status == 403) return ErrorKind::unauthorized;
  if (status == 404 || status == 410) return ErrorKind::not_found;
  if (status == 429) return ErrorKind::rate_limited;
  return status >= 500 ? ErrorKind::network : ErrorKind::failed;
}

void save(HttpClient& client, const HttpRequest& request, const std::filesystem::path& file,
          const std::string& task, Progress& progress, std::stop_token stop, Digest* digest) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  if (!out) throw system_error("cannot write " + file.string());
  struct Ended {
    Progress& progress;
    const std::string& task;
    ~Ended() { progress.end(task); }
  } const ended{progress, task};
  const HttpResponse response = client.download(
      request,
      [&](std::string_view piece) {
        if (digest != nullptr) digest->update(piece);
        if (!out.write(piece.data(), static_cast<std::streamsize>(piece.size()))) {
          throw system_error("cannot write " + file.string());
        }
      },
      [&](std::uint64_t done, std::uint64_t total) { progress.advance(task, done, total); }, stop);
  expect_success(response, task);
  out.close();
  if (!out) throw system_error("cannot write " + file.string());
}

}  // namespace

void expect_success(const HttpResponse& response, const std::string& what) {
  if (response.status >= 200 && response.status < 300) return;
  const std::string told = told_by(response);
  const std::string from = response.final_url.substr(0, response.final_url.find('?'));
  throw Error(kind_of(response.status), what + " was refused by " + from + ": " + told,
              "HTTP status " + std::to_string(response.status));
}

nlohmann::json get_json(HttpClient& client, const HttpRequest& request, const std::string& what,
                        std::stop_token stop) {
  return parse_json(client.send(request, std::move(stop)), request, what);
}

nlohmann::json parse_json(const HttpResponse& response, const HttpRequest& request, const std::string& what) {
  expect_success(response, what);
  auto document = nlohmann::json::parse(response.body, nullptr, false);
  if (document.is_discarded()) {
    throw Error(ErrorKind::integrity, what + " came back as something else than JSON; is " +
                                          request.url.substr(0, request.url.find('?')) +
                                          " the right address?");
  }
  return document;
}

void download(HttpClient& client, const HttpRequest& request, const std::filesystem::path& file,
              const std::string& task, Progress& progress, std::stop_token stop) {
  save(client, request, file, task, progress, std::move(stop), nullptr);
}

void download_verified(HttpClient& client, const HttpRequest& request, const ExpectedDigest& expected,
                       const std::filesystem::path& file, const std::string& task, Progress& progress,
                       std::stop_token stop) {
  Digest digest(expected.kind);
  save(client, request, file, task, progress, std::move(stop), &digest);
  const auto bytes = digest.finish();
  const std::string found = expected.kind == DigestKind::sha256 ? to_hex(bytes) : to_base64(bytes);
  if (found == expected.text) return;
  throw Error(
      ErrorKind::integrity,
      task +
          " is not what its source promised (its checksum differs); nothing of it was kept. Try again, "
          "or another source",
      "expected " + expected.text + ", got " + found + " from " +
          request.url.substr(0, request.url.find('?')));
}

}  // namespace opencat
