// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "server/routes/relay_session.hpp"

namespace opencat::routes {

/// A form with a picture or a recording on its way to a RelaySession: asks whether its token may at all
/// before it takes the body, takes it until it knows the model, and passes the rest on as the upstream takes
/// it. It keeps itself alive, and belongs to its exchange's loop.
class FormSession : public std::enable_shared_from_this<FormSession> {
 public:
  /// Throws Error(usage) when the body is no form.
  FormSession(Services& services, const Endpoint& endpoint, std::shared_ptr<http::Exchange> exchange);

  void start();

 private:
  void on_allowed(const Admission& admission, std::exception_ptr problem);
  void on_piece(std::string_view piece);
  void on_end();
  void relay();
  void refuse(const Error& error);

  Services& services_;
  const Endpoint& endpoint_;
  std::shared_ptr<http::Exchange> exchange_;
  MultipartModel form_;
  std::shared_ptr<UploadSpool> spool_;
  bool relayed_ = false;
  bool over_ = false;
};

}  // namespace opencat::routes
