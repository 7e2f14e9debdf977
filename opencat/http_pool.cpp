// SPDX-License-Identifier: MIT
#include "opencat/http_pool.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace opencat {

namespace chrono = std::chrono;

namespace {

/// Servers close what is idle after a minute or two, and one that closes just now costs a second attempt.
constexpr chrono::seconds max_idle_age{100};

}  // namespace

void HttpConnection::on_ready(unsigned readiness) {
  if (user_ != nullptr)
    user_->on_ready(readiness);
  else
    pool_->idle_ready(*this);
}

void HttpConnection::want(unsigned readiness) {
  if (readiness == wanted_) return;
  if (readiness == 0)
    loop_.unwatch(link_->descriptor());
  else if (wanted_ == 0)
    loop_.watch(link_->descriptor(), readiness, *this);
  else
    loop_.change(link_->descriptor(), readiness);
  wanted_ = readiness;
}

void HttpConnection::close() {
  if (!link_) return;
  want(0);
  link_.reset();
}

std::unique_ptr<HttpConnection> HttpPool::take(const std::string& origin) {
  const auto found = idle_.find(origin);
  if (found == idle_.end() || found->second.empty()) return nullptr;
  // Its server is the surest to be there still.
  std::unique_ptr<HttpConnection> connection = std::move(found->second.back());
  found->second.pop_back();
  --count_;
  return connection;
}

void HttpPool::keep(std::unique_ptr<HttpConnection> connection, const std::string& origin) {
  if (count_ >= most_) return drop(std::move(connection));
  auto& [key, kept] = *idle_.try_emplace(origin).first;
  connection->user_ = nullptr;
  connection->pool_ = this;
  connection->origin_ = &key;
  connection->idle_since_ = chrono::steady_clock::now();
  connection->want(readable);
  kept.push_back(std::move(connection));
  ++count_;
}

void HttpPool::drop(std::unique_ptr<HttpConnection> connection) {
  if (!connection) return;
  connection->close();
  loop_.post([over = std::shared_ptr<HttpConnection>(std::move(connection))] {});
}

void HttpPool::idle_ready(const HttpConnection& connection) {
  std::vector<std::unique_ptr<HttpConnection>>& kept = idle_.at(*connection.origin_);
  const auto found =
      std::find_if(kept.begin(), kept.end(), [&](const auto& one) { return one.get() == &connection; });
  // TLS sends things that are no bytes of anybody's; all else is the peer's leaving, or nothing we asked for.
  std::array<char, 256> ignored;
  const auto received = (*found)->link().receive(ignored.data(), ignored.size());
  if (received.outcome == HttpLink::Received::Outcome::wait) return;
  drop(std::move(*found));
  kept.erase(found);
  --count_;
}

void HttpPool::sweep() {
  const auto now = chrono::steady_clock::now();
  for (auto& [origin, kept] : idle_) {
    count_ -= std::erase_if(
        kept, [&](const auto& connection) { return now - connection->idle_since_ > max_idle_age; });
  }
}

}  // namespace opencat
