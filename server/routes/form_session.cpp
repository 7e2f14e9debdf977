// SPDX-License-Identifier: MIT
#include "server/routes/form_session.hpp"

#include "opencat/error.hpp"
#include "server/routes/admission.hpp"

namespace opencat::routes {

namespace {

std::string_view content_type(const http::Request& request) {
  const std::string* value = request.header("Content-Type");
  return value == nullptr ? std::string_view() : *value;
}

}  // namespace

FormSession::FormSession(Services& services, const Endpoint& endpoint,
                         std::shared_ptr<http::Exchange> exchange)
    : services_(services),
      endpoint_(endpoint),
      exchange_(std::move(exchange)),
      form_(content_type(exchange_->request())),
      spool_(std::make_shared<UploadSpool>(services.spool_folder, exchange_->body_length())) {}

void FormSession::start() {
  const auto self = shared_from_this();
  exchange_->on_gone = [self] { self->over_ = true; };
  AdmissionRequest request{token_hash(exchange_->request().token), "", services_.period(),
                           services_.clock.now()};
  request.only_ask = true;
  services_.store.admit(std::move(request), [self](const Admission& admission, std::exception_ptr problem) {
    self->exchange_->loop().post([self, admission, problem] { self->on_allowed(admission, problem); });
  });
}

void FormSession::on_allowed(const Admission& admission, std::exception_ptr problem) {
  if (over_) return;
  try {
    if (problem) std::rethrow_exception(problem);
    throw_unless_admitted(admission, services_.period());
  } catch (const Error& error) {
    return refuse(error);
  }
  exchange_->read_body([self = shared_from_this()](std::string_view piece) { self->on_piece(piece); },
                       [self = shared_from_this()] { self->on_end(); });
}

void FormSession::on_piece(std::string_view piece) {
  if (over_) return;
  try {
    if (!relayed_) form_.feed(piece);
    spool_->append(piece);
  } catch (const Error& error) {
    return refuse(error);
  }
  if (!relayed_ && form_.field()) return relay();
  if (spool_->waiting() > UploadSpool::high_water) exchange_->pause_body();
}

void FormSession::on_end() {
  if (over_) return;
  spool_->finish();
  if (!relayed_) relay();
}

void FormSession::relay() {
  relayed_ = true;
  spool_->on_taken = [weak = std::weak_ptr(exchange_)] {
    if (const auto exchange = weak.lock()) exchange->resume_body();
  };
  // The form is read by the body, which the session keeps.
  auto body = form_body(endpoint_, exchange_->request(), form_, spool_);
  try {
    std::make_shared<RelaySession>(services_, endpoint_, exchange_, std::move(body), shared_from_this())
        ->start();
  } catch (const Error& error) {
    refuse(error);
  }
}

void FormSession::refuse(const Error& error) {
  over_ = true;
  if (!error.detail().empty()) services_.warn(error.message() + ": " + error.detail());
  exchange_->respond(http::error_response(error));
}

}  // namespace opencat::routes
