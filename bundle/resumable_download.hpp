// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "bundle/download_part.hpp"
#include "opencat/http_client.hpp"
#include "opencat/progress.hpp"

namespace opencat {

/// What decides whether a part from before and what comes now are of the same file.
enum class Proof {
  digest,    ///< that of the whole, which the caller knows: a part from another server will do
  validator  ///< the server's alone (If-Range, RFC 9110, section 13.1.5): without a strong one all is asked
             ///< for anew
};

struct ResumableDownload {
  std::string title;  ///< for people; also names its progress
  HttpRequest request;
  Proof proof;
  std::function<void(std::uint64_t bytes)> on_growth = {};  ///< so many are in the part now
};

/// Asks until all has come, as often as the client's options say, counted anew whenever something came. Goes
/// on behind what is in the part. Throws as HttpClient and expect_success(); what came until then stays in
/// the part.
void fill(const ResumableDownload& what, DownloadPart& part, HttpClient& http, Progress& progress,
          const std::stop_token& stop);

}  // namespace opencat
