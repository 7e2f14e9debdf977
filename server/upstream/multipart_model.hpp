// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace opencat {

/// Finds the field "model" in a multipart/form-data body (RFC 7578) that arrives piece by piece, keeping no
/// more of it than a boundary or one part's head. Pieces may be cut anywhere.
class MultipartModel {
 public:
  struct Field {
    std::string value;
    std::uint64_t offset = 0;  ///< where its first byte stands in the body
  };

  /// Throws Error(usage) when the request's Content-Type is not multipart/form-data with a boundary.
  explicit MultipartModel(std::string_view content_type);

  /// Throws Error(usage) for a field that no name of a model fits into.
  void feed(std::string_view piece);

  const std::optional<Field>& field() const { return field_; }
  /// What to put in at part_offset() where the field is missing: the part that says `model`.
  std::string part_for(std::string_view model) const;
  /// Where the first part begins: 0, unless the form has a preamble.
  std::uint64_t part_offset() const { return part_offset_; }

 private:
  enum class In { preamble, head, value, content, nothing };
  bool step();
  void drop(std::size_t count);
  void read_head(std::string_view head);

  std::string boundary_;  ///< with its leading CRLF and dashes
  std::string
      buffer_;  ///< what is not decided yet; seems to begin with a CRLF of its own, for the first boundary
  std::uint64_t dropped_ = 0;
  std::uint64_t part_offset_ = 0;
  In in_ = In::preamble;
  std::optional<Field> field_;
};

}  // namespace opencat
