// SPDX-License-Identifier: MIT
#pragma once

#include <mutex>
#include <string>

#include "opencat/clock.hpp"
#include "server/domain/sliding_window.hpp"
#include "server/http/router.hpp"
#include "server/routes/enrollment_keys.hpp"

namespace opencat::routes {

/// Who may have a token issued.
enum class EnrollmentMode { open, key, closed };

struct GuardOptions {
  EnrollmentMode mode = EnrollmentMode::key;
  std::string admin_secret;
};

/// Holds callers to a route's Access. Wrong secrets are counted per address (see address_key()), and after 10
/// in a minute that waits. Any thread may call it; it must outlive the server.
class AccessGuard {
 public:
  AccessGuard(GuardOptions options, const EnrollmentKeys& keys, Clock& clock);

  /// See http::Guard.
  void check(http::Access access, http::Request& request);

  const GuardOptions& options() const { return options_; }

 private:
  void check_token(http::Request& request) const;
  void check_enrollment(http::Request& request);
  void check_admin(http::Request& request);
  bool shows_admin_secret(http::Request& request);
  void check_secret(http::Request& request, const std::string& secret);
  [[noreturn]] void refuse(const http::Request& request, const std::string& message);

  GuardOptions options_;
  const EnrollmentKeys& keys_;
  Clock& clock_;
  std::mutex mutex_;
  SlidingWindow failures_;
};

}  // namespace opencat::routes
