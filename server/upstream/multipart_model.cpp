// SPDX-License-Identifier: MIT
#include "server/upstream/multipart_model.hpp"

#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace {

constexpr std::size_t max_part_head = 16 << 10;
constexpr std::size_t max_value = 1024;
constexpr std::size_t max_boundary = 70;  ///< RFC 2046, section 5.1.1

/// The value of a parameter behind the ';' of a header's value; "" when it has none of that name.
std::string parameter(std::string_view header, std::string_view name) {
  for (std::size_t at = header.find(';'); at != std::string_view::npos;) {
    const std::string_view rest = trim(header.substr(at + 1));
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos) return {};
    const std::string_view key = trim(rest.substr(0, equals));
    std::string_view value = rest.substr(equals + 1);
    std::size_t end = value.find(';');
    if (!value.empty() && value.front() == '"') {
      value.remove_prefix(1);
      end = value.find('"');
      if (end == std::string_view::npos) return {};
    }
    if (lower(key) == name) return std::string(trim(value.substr(0, end)));
    const std::size_t next = header.find(
        ';', static_cast<std::size_t>(value.data() - header.data()) + std::min(end, value.size()));
    at = next;
  }
  return {};
}

}  // namespace

MultipartModel::MultipartModel(std::string_view content_type) : buffer_("\r\n") {
  const std::string boundary = parameter(content_type, "boundary");
  if (lower(content_type.substr(0, 19)) != "multipart/form-data" || boundary.empty() ||
      boundary.size() > max_boundary) {
    throw Error(ErrorKind::usage, "the body must be multipart/form-data with a boundary");
  }
  boundary_ = "\r\n--" + boundary;
}

void MultipartModel::feed(std::string_view piece) {
  if (in_ == In::nothing) return;
  buffer_ += piece;
  while (in_ != In::nothing && step()) {
  }
  if (in_ == In::nothing) buffer_.clear();
}

void MultipartModel::drop(std::size_t count) {
  buffer_.erase(0, count);
  dropped_ += count;
}

/// Goes on by one part of the form; false when more bytes are needed.
bool MultipartModel::step() {
  if (in_ == In::head) {
    // The boundary's own line ends in CRLF; two dashes instead end the form.
    if (buffer_.size() < 2) return false;
    if (buffer_.compare(0, 2, "--") == 0) {
      in_ = In::nothing;
      return true;
    }
    const std::size_t end = buffer_.find("\r\n\r\n");
    // Too long is too long however it arrives: the same whether its end has come yet or not.
    if (end == std::string::npos ? buffer_.size() > max_part_head : end > max_part_head) {
      in_ = In::nothing;
      return false;
    }
    if (end == std::string::npos) return false;
    const std::string head = buffer_.substr(0, end + 2);
    drop(end + 4);
    // A part's content may be empty, and then its boundary's CRLF is the head's last.
    read_head(head);
    return true;
  }
  const std::size_t end = buffer_.find(boundary_);
  if (in_ == In::value) {
    // A boundary may have arrived in part.
    if (end == std::string::npos ? buffer_.size() > max_value + boundary_.size() : end > max_value)
      throw Error(ErrorKind::usage, "'model' is too long");
    if (end == std::string::npos) return false;
    // The begin that buffer_ was given counts for nothing in the body.
    field_ = Field{buffer_.substr(0, end), dropped_ - 2};
    in_ = In::nothing;
    return true;
  }
  if (end == std::string::npos) {
    if (buffer_.size() >= boundary_.size()) drop(buffer_.size() - boundary_.size() + 1);
    return false;
  }
  // The CRLF in front of a boundary is the one that buffer_ began with, or stands in the body: either way the
  // boundary's own line begins where that many bytes of the body end.
  if (in_ == In::preamble) part_offset_ = dropped_ + end;
  drop(end + boundary_.size());
  in_ = In::head;
  return true;
}

void MultipartModel::read_head(std::string_view head) {
  in_ = In::content;
  for (const std::string& line : split(head, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || lower(trim(line.substr(0, colon))) != "content-disposition") continue;
    if (parameter(line, "name") == "model" && parameter(line, "filename").empty()) in_ = In::value;
  }
}

std::string MultipartModel::part_for(std::string_view model) const {
  std::string part = boundary_.substr(2) + "\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n";
  return part.append(model).append("\r\n");
}

}  // namespace opencat
