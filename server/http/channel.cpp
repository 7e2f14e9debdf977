// SPDX-License-Identifier: MIT
#include "server/http/channel.hpp"

#include "opencat/sockets.hpp"

namespace opencat::http {

namespace {

class PlainChannel : public Channel {
 public:
  explicit PlainChannel(int descriptor) : descriptor_(descriptor) {}

  Result read(char* target, std::size_t size) override {
    return result(sockets::receive(descriptor_, target, size));
  }
  Result write(std::string_view bytes) override { return result(sockets::send(descriptor_, bytes)); }
  void end() override { sockets::end(descriptor_); }

 private:
  static Result result(std::optional<std::size_t> count) {
    if (!count) return {Outcome::again};
    return {*count > 0 ? Outcome::done : Outcome::closed, *count};
  }

  int descriptor_;
};

}  // namespace

std::unique_ptr<Channel> plain_channel(int descriptor) { return std::make_unique<PlainChannel>(descriptor); }

}  // namespace opencat::http
