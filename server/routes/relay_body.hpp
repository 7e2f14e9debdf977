// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "server/http/message.hpp"
#include "server/upstream/model_request.hpp"
#include "server/upstream/multipart_model.hpp"
#include "server/upstream/upload_spool.hpp"
#include "server/upstream/upstream.hpp"

namespace opencat::routes {

/// What a relayed request asks for, and how it is said to an upstream.
class RelayBody {
 public:
  virtual ~RelayBody() = default;
  virtual const std::string& model() const = 0;
  virtual bool stream() const = 0;
  /// Whether the chunk that tells the usage is for us only.
  virtual bool strips_usage() const = 0;
  /// For an upstream that knows the model by this name. Asked once for each upstream that is tried.
  virtual UpstreamRequest for_upstream(const std::string& model) = 0;
  /// Whether it can be said once more: a body that only passed through cannot.
  virtual bool can_repeat() = 0;
  /// What its tokens are estimated from.
  virtual std::string_view text() const = 0;
};

/// A JSON body, all here. `request` must outlive it. Throws Error(usage) for one that cannot be.
std::unique_ptr<RelayBody> json_body(const Endpoint& endpoint, const http::Request& request);

/// A form that is still arriving, up to where its model is known.
std::unique_ptr<RelayBody> form_body(const Endpoint& endpoint, const http::Request& request,
                                     const MultipartModel& form, std::shared_ptr<UploadSpool> spool);

}  // namespace opencat::routes
