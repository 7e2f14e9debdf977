// SPDX-License-Identifier: MIT
#include "bundle/bundle_download.hpp"

#include <system_error>

#include "bundle/download_part.hpp"
#include "bundle/resumable_download.hpp"
#include "opencat/digest.hpp"
#include "opencat/file.hpp"

namespace opencat {

namespace fs = std::filesystem;

BundleDownload::BundleDownload(fs::path folder, std::string url)
    : folder_(std::move(folder)), url_(std::move(url)) {}

fs::path BundleDownload::fetch(HttpClient& http, Progress& progress, const std::stop_token& stop) {
  make_folders(folder_, 0700);
  // The URL itself may hold a secret.
  fs::path file = folder_ / (sha256_hex(url_).substr(0, 16) + ".zip");
  DownloadPart part(file, DigestKind::sha256);
  ResumableDownload what{"the bundle", {}, Proof::validator};
  what.request.url = url_;
  try {
    fill(what, part, http, progress, stop);
  } catch (...) {
    if (part.size() == 0) part.remove();
    std::error_code not_empty;
    fs::remove(folder_, not_empty);
    throw;
  }
  return file;
}

void BundleDownload::remove() const {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

}  // namespace opencat
