// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "server/upstream/endpoint.hpp"
#include "server/upstream/json_members.hpp"

namespace opencat {

/// What the relay must know of a request with a JSON body; everything else in it passes unread.
class ModelRequest {
 public:
  /// Throws Error(usage) naming the member that is wrong. Both must outlive this.
  ModelRequest(const Endpoint& endpoint, std::string_view body);

  const std::string& model() const { return model_; }  ///< "auto" when the request names none
  bool stream() const { return stream_; }
  /// Whether the client itself asked for the usage chunk.
  bool wants_usage() const { return wants_usage_; }

  /// The body for the upstream: the model's name there, and usage asked for in a stream; all else byte for
  /// byte.
  std::string body_for(const std::string& upstream_model) const;

 private:
  const Endpoint& endpoint_;
  JsonMembers members_;
  std::string model_ = "auto";
  bool stream_ = false;
  bool wants_usage_ = false;
};

}  // namespace opencat
