// SPDX-License-Identifier: MIT
#include "bundle/download_part.hpp"

#include <fstream>
#include <system_error>
#include <vector>

#include <nlohmann/json.hpp>

#include "opencat/descriptor.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"

namespace opencat {

namespace fs = std::filesystem;
using Json = nlohmann::json;

DownloadPart::DownloadPart(fs::path file, DigestKind kind)
    : file_(std::move(file)), kind_(kind), digest_(kind) {
  descriptor_ = descriptor::open(file_, descriptor::Opening::modify_no_link);
  if (descriptor_ < 0) throw system_error("cannot write " + file_.string());
  std::vector<char> buffer(1 << 17);
  std::ptrdiff_t got = 0;
  while ((got = descriptor::read(descriptor_, buffer.data(), buffer.size())) > 0) {
    digest_.update({buffer.data(), static_cast<std::size_t>(got)});
    size_ += static_cast<std::uint64_t>(got);
  }
  if (got < 0) {
    const Error error = system_error("cannot read " + file_.string());
    descriptor::close(descriptor_);
    throw error;
  }
}

DownloadPart::~DownloadPart() { descriptor::close(descriptor_); }

std::string DownloadPart::digest() const {
  const auto bytes = digest_.so_far();
  return kind_ == DigestKind::sha256 ? to_hex(bytes) : to_base64(bytes);
}

void DownloadPart::append(std::string_view bytes) {
  digest_.update(bytes);
  size_ += bytes.size();
  if (!descriptor::write(descriptor_, bytes).empty()) throw system_error("cannot write " + file_.string());
}

void DownloadPart::restart() {
  if (size_ == 0) return;
  if (!descriptor::cut(descriptor_, 0)) throw system_error("cannot write " + file_.string());
  digest_ = Digest(kind_);
  size_ = 0;
}

std::string DownloadPart::validator(const std::string& url) const {
  const Json known = Json::parse(read_file_if_there(notes()).value_or(""), nullptr, false);
  if (!known.is_object() || known.value("url", Json()) != url) return {};
  const Json text = known.value("validator", Json());
  return text.is_string() ? text.get<std::string>() : std::string();
}

void DownloadPart::note(const std::string& url, const HttpHeaders& headers) const {
  const std::string* etag = find_header(headers, "ETag");
  const std::string* modified = find_header(headers, "Last-Modified");
  // A weak one promises the meaning, not the bytes.
  std::string validator;
  if (etag != nullptr && etag->rfind("W/", 0) != 0) {
    validator = *etag;
  } else if (etag == nullptr && modified != nullptr) {
    validator = *modified;
  }
  const Json known{{"url", url}, {"validator", validator}};
  // Not atomically: half of it after a kill is as good as none, and there is no temporary file to be left.
  std::ofstream(notes()) << known.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void DownloadPart::remove() const {
  std::error_code ignored;
  fs::remove(file_, ignored);
  fs::remove(notes(), ignored);
}

}  // namespace opencat
