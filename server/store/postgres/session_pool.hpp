// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/store/postgres/session.hpp"

namespace opencat::postgres {

/// A few connections for whoever asks, made when they are wanted: a node never holds more, however many ask.
/// Any thread.
class SessionPool {
 public:
  SessionPool(std::string url, std::size_t most, Session::Patience patience)
      : url_(std::move(url)), most_(most), patience_(patience) {}

  using Work = std::function<void(Session&)>;
  /// Lends one to `work`, which only reads: it is done again over a new connection if an idle one turns out
  /// to be gone. Waits for one, and throws Error(unavailable) when that takes too long.
  void read(const Work& work);
  /// Runs `work` in a transaction, as Session::transact() does.
  void write(const Work& work);

 private:
  struct Idle {
    std::unique_ptr<Session> session;
    std::chrono::steady_clock::time_point since;
  };
  std::unique_ptr<Session> take();
  void give(std::unique_ptr<Session> session);
  template <class Use>
  void with(const Use& use);

  std::string url_;
  std::size_t most_;
  Session::Patience patience_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Idle> idle_;
  std::size_t lent_ = 0;
};

}  // namespace opencat::postgres
