// SPDX-License-Identifier: MIT
#include "server/http/channel.hpp"

#include <cerrno>

#include <sys/socket.h>

namespace opencat::http {

namespace {

class PlainChannel : public Channel {
 public:
  explicit PlainChannel(int descriptor) : descriptor_(descriptor) {}

  Result read(char* target, std::size_t size) override {
    return result(::recv(descriptor_, target, size, MSG_DONTWAIT));
  }
  Result write(std::string_view bytes) override {
    return result(::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
  }
  void end() override { ::shutdown(descriptor_, SHUT_WR); }

 private:
  static Result result(ssize_t count) {
    if (count > 0) return {Outcome::done, static_cast<std::size_t>(count)};
    return {count < 0 && (errno == EAGAIN || errno == EINTR) ? Outcome::again : Outcome::closed};
  }

  int descriptor_;
};

}  // namespace

std::unique_ptr<Channel> plain_channel(int descriptor) { return std::make_unique<PlainChannel>(descriptor); }

}  // namespace opencat::http
