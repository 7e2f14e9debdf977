// SPDX-License-Identifier: MIT
#pragma once

#include "server/http/connection.hpp"

namespace opencat::http {

/// The exchange of the request that a connection is answering.
class Answer final : public Exchange {
 public:
  Answer(Connection& connection, RequestParser::Parsed parsed, const BodyFacts& body);
  ~Answer() override;

  Request& request() override { return request_; }
  EventLoop& loop() override { return host_.loop; }
  std::size_t loop_index() const override { return host_.loop_index; }

  void read_body(OnBody on_body, std::function<void()> on_end) override;
  void pause_body() override;
  void resume_body() override;
  std::optional<std::uint64_t> body_length() const override;

  void respond(Response response) override;
  void begin(Response response) override;
  void write(std::string_view piece) override;
  void end() override;
  void cut_off() override;
  std::size_t unsent() const override;

  /// What the connection tells. After lose() no call reaches it again.
  void lose();
  void drained();
  void body_piece(std::string_view piece);
  void body_ended();
  /// The body cannot be read on: the client hears this, and for the handler it has left.
  void refuse_body(int status);

  bool begun() const { return begun_; }

 private:
  Connection& detach();
  void report(bool cut);
  bool keeps_alive();

  Connection* connection_;
  ConnectionHost& host_;
  Request request_;
  BodyFacts body_;
  OnBody on_body_;
  std::function<void()> on_body_end_;
  bool keep_alive_;
  bool chunked_;
  bool begun_ = false;
  // What an observer hears.
  const Route* route_;
  std::chrono::steady_clock::time_point began_at_;
  std::optional<std::chrono::steady_clock::time_point> first_piece_at_;
  std::uint64_t bytes_ = 0;
  int status_ = 0;
  bool streamed_ = false;
};

/// A response's first lines, without the empty line that ends them.
std::string head_of(const Response& response, const std::string& request_id, bool keep_alive);

/// How a request is answered that is not even given to a route.
Response refusal(int status);
Response refusal(int status, const char* message);

/// All of it.
std::string bytes_of(const Request& request, const Response& response, bool keep_alive);

}  // namespace opencat::http
