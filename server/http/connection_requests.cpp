// SPDX-License-Identifier: MIT
// The part of Connection that finds requests in what arrives and has them answered.
#include <algorithm>
#include <cctype>

#include "opencat/error.hpp"
#include "server/http/answer.hpp"

namespace opencat::http {

namespace {

constexpr std::size_t kept_capacity = 4 << 10;

/// A client's own request id is taken over when it is plain and short: it ends up in headers and logs.
bool is_sane_id(const std::string& id) {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.' || c == ':';
  });
}

}  // namespace

void Connection::handle_buffered() {
  // Answers given at once come back here through answered(); a loop instead of that recursion keeps the stack
  // flat however many requests a client sends in one packet.
  handling_ = true;
  while (descriptor_ >= 0 && !busy() && !close_after_flush_ && !is_choked()) {
    if (!(incoming_ ? gather_body() : take_head())) break;
  }
  handling_ = false;
  if (descriptor_ < 0) return;
  // An answer may stream for an hour: what its request needed is not kept for that.
  if (in_.empty() && in_.capacity() > kept_capacity) in_.shrink_to_fit();
  update_interest();
}

/// Whether there was one that can be answered.
bool Connection::take_head() {
  if (in_.empty()) return false;
  const HeadFraming::State state = head_.look(in_);
  if (state == HeadFraming::State::refused) refuse(head_.status());
  if (state != HeadFraming::State::whole) return false;
  const BodyFacts facts = head_.body();
  RequestParser::Parsed parsed = host_.parser.parse(std::string_view(in_).substr(0, head_.size()));
  parsed.request.remote_ip = host_.client_ip(peer_ip_, head_.forwarded_for());
  in_.erase(0, head_.size());
  head_.reset();
  request_began_ = std::chrono::steady_clock::now();
  const std::string* given = parsed.request.header("X-Request-Id");
  parsed.request.id = given != nullptr && is_sane_id(*given) ? *given : host_.new_request_id();
  if (parsed.route == nullptr && parsed.status != 404 && parsed.status != 405) {
    refuse(parsed.status, parsed.request.id);
    return false;
  }
  const bool streamed = parsed.route != nullptr && parsed.route->body == BodyMode::streamed;
  const std::uint64_t limit = streamed ? host_.limits.max_upload_bytes : host_.limits.max_body_bytes;
  if (!streamed && facts.empty()) {
    serve(std::move(parsed), facts);
    return true;
  }
  incoming_ = std::make_unique<Incoming>(facts, limit, streamed);
  if (facts.length > limit) {
    reject(std::move(parsed), facts, 413);
    return false;
  }
  if (streamed) {
    serve(std::move(parsed), facts);
  } else {
    incoming_->parsed = std::move(parsed);
  }
  return true;
}

/// Whether the request became whole.
bool Connection::gather_body() {
  Incoming& incoming = *incoming_;
  std::string& body = incoming.parsed.request.body;
  std::string_view rest = in_;
  BodyFraming::Step step;
  do {
    step = incoming.body.next(rest);
    rest.remove_prefix(step.consumed);
    body.append(step.piece);
  } while (step.state == BodyFraming::State::piece);
  in_.erase(0, in_.size() - rest.size());
  if (step.state == BodyFraming::State::refused) {
    reject(std::move(incoming.parsed), incoming.facts, incoming.body.status());
  } else if (step.state == BodyFraming::State::more) {
    say_continue();
  } else {
    const std::unique_ptr<Incoming> whole = std::move(incoming_);
    serve(std::move(whole->parsed), whole->facts);
    return true;
  }
  return false;
}

void Connection::serve(RequestParser::Parsed parsed, const BodyFacts& body) {
  const Route* route = parsed.route;
  const int status = parsed.status;
  const auto answer = std::make_shared<Answer>(*this, std::move(parsed), body);
  exchange_ = answer;
  try {
    if (auto preflight = host_.cors.preflight(answer->request()))
      return answer->respond(std::move(*preflight));
    if (route == nullptr) {
      Response response =
          error_response(Error(ErrorKind::not_found, status == 405 ? "this address does not take that method"
                                                                   : "there is nothing at this address"));
      response.status = status;
      return answer->respond(std::move(response));
    }
    host_.dispatch(*route, answer);
  } catch (const Error& error) {
    answer->respond(error_response(error));
  }
}

/// A request that is known but for its body, of which no more is read.
void Connection::reject(RequestParser::Parsed parsed, const BodyFacts& body, int status) {
  const auto answer = std::make_shared<Answer>(*this, std::move(parsed), body);
  exchange_ = answer;
  answer->respond(refusal(status));
}

void Connection::refuse(int status, const std::string& request_id) {
  answer_and_close(refusal(status), request_id);
}

}  // namespace opencat::http
