// SPDX-License-Identifier: MIT
// A connection's bytes: head, route, token, client's address and body are the same for any cut, and nothing
// but a token passes for one.
#include <string>

#include "opencat/clock.hpp"
#include "opencat/error.hpp"
#include "opencat/text.hpp"
#include "server/domain/token.hpp"
#include "server/http/client_address.hpp"
#include "server/http/httplib_bridge.hpp"
#include "server/http/request_framing.hpp"
#include "server/routes/guard.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace opencat;
using namespace opencat::http;

namespace {

constexpr std::size_t max_head = 2048;
constexpr std::uint64_t max_body = 1024;

class StoppedClock : public Clock {
 public:
  Time now() const override { return Time(std::chrono::milliseconds(1'700'000'000'000)); }
};

const Routes& some_routes() {
  const BlockingHandler nothing = [](const Request&) { return Response{}; };
  static const Routes routes{{"GET", "/healthz|/health", Access::anyone, nothing},
                             {"POST", "/v1/chat/completions", Access::token, nothing},
                             {"GET", "/v1/models/(.+)", Access::token, nothing},
                             {"POST", "/api/tokens", Access::enrolment, nothing},
                             {"GET", "/api/tokens/self/status", Access::token, nothing},
                             {"GET", "/api/tokens/([^/]+)/status", Access::anyone, nothing},
                             {"PATCH", "/api/admin/tokens/([^/]+)", Access::admin, nothing},
                             {"DELETE", "/api/admin/tokens/([^/]+)", Access::admin, nothing}};
  return routes;
}

/// The same head that arrives in pieces has the same end; how many bytes of it there are.
std::size_t check_head(std::string_view bytes, HeadFraming& head) {
  const HeadFraming::State state = head.look(bytes);
  HeadFraming slow(max_head);
  std::string arrived;
  auto slow_state = HeadFraming::State::more;
  fuzz::cut_anyhow(bytes, [&](std::string_view piece) {
    if (slow_state != HeadFraming::State::more) return;
    arrived += piece;
    slow_state = slow.look(arrived);
  });
  FUZZ_CHECK(slow_state == state || bytes.empty());
  if (state == HeadFraming::State::refused) FUZZ_CHECK(head.status() >= 400 && slow.status() >= 400);
  if (state != HeadFraming::State::whole) return 0;
  FUZZ_CHECK(slow.size() == head.size() && head.size() <= max_head);
  FUZZ_CHECK(slow.forwarded_for() == head.forwarded_for());
  FUZZ_CHECK(slow.body().chunked == head.body().chunked && slow.body().length == head.body().length);
  return head.size();
}

void check_address(const std::string& forwarded_for) {
  static const TrustedProxies proxies({"10.0.0.0/8", "127.0.0.1", "fd00::/8"});
  FUZZ_CHECK(client_address("198.51.100.1", forwarded_for, proxies) == "198.51.100.1");
  const std::string address = client_address("127.0.0.1", forwarded_for, proxies);
  const auto ip = parse_ip(address);
  FUZZ_CHECK(ip && ip_text(*ip) == address);
  // Whatever a client writes to the left of an address that is no proxy's changes nothing.
  if (!proxies.contains(*ip))
    FUZZ_CHECK(client_address("127.0.0.1", "203.0.113.9," + forwarded_for, proxies) == address);
}

void check_access(const RequestParser::Parsed& parsed) {
  static StoppedClock clock;
  static const routes::EnrollmentKeys keys("the-enrolment-key", clock);
  routes::AccessGuard guard({routes::EnrollmentMode::key, "the-admin-secret"}, keys, clock);
  Request request = parsed.request;
  request.remote_ip = "198.51.100.1";
  try {
    guard.check(parsed.route->access, request);
  } catch (const Error& error) {
    FUZZ_CHECK(error.kind() == ErrorKind::unauthorized);
    FUZZ_CHECK(parsed.route->access != Access::anyone);
    return;
  }
  const auto shows = [&](const char* name, std::string_view secret) {
    const std::string* value = request.header(name);
    return value != nullptr && *value == secret;
  };
  const bool admin = shows("X-Admin-Secret", "the-admin-secret");
  if (parsed.route->access == Access::token) FUZZ_CHECK(is_token(request.token));
  if (parsed.route->access == Access::admin) FUZZ_CHECK(admin);
  if (parsed.route->access == Access::enrolment)
    FUZZ_CHECK(admin || shows("X-Enroll-Key", "the-enrolment-key") ||
               shows("X-Build-Secret", "the-enrolment-key"));
}

void check_parsed(std::string_view head, const std::string& forwarded_for) {
  static RequestParser parser(some_routes(), "/opencat");
  const RequestParser::Parsed parsed = parser.parse(head);
  FUZZ_CHECK(parsed.route != nullptr || parsed.status >= 400);
  // Both readers of the head saw the same headers, and no value has a line's end in it.
  std::string seen;
  for (const auto& [name, value] : parsed.request.headers) {
    FUZZ_CHECK((name + value).find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    if (lower(name) == "x-forwarded-for") seen.append(seen.empty() ? "" : ",").append(value);
  }
  if (parsed.route == nullptr) return;
  FUZZ_CHECK(seen == forwarded_for);
  check_access(parsed);
}

struct Body {
  std::string bytes;
  std::size_t consumed = 0;
  BodyFraming::State state = BodyFraming::State::more;
};

/// Takes a body whose bytes arrive in pieces, as a connection does.
template <class Cut>
Body body_of(const BodyFacts& facts, std::string_view arriving, const Cut& cut) {
  BodyFraming framing(facts, max_body);
  Body body;
  std::string kept;
  const auto take = [&] {
    for (;;) {
      const BodyFraming::Step step = framing.next(kept);
      body.bytes += step.piece;
      body.state = step.state;
      body.consumed += step.consumed;
      kept.erase(0, step.consumed);
      if (step.state != BodyFraming::State::piece) return;
    }
  };
  take();
  cut(arriving, [&](std::string_view piece) {
    if (body.state != BodyFraming::State::more) return;
    kept += piece;
    take();
  });
  FUZZ_CHECK(framing.taken() == body.bytes.size() && body.bytes.size() <= max_body);
  return body;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = fuzz::text_of(data, size);
  // Several requests on one connection, as they come.
  for (int i = 0; i < 4 && !rest.empty(); ++i) {
    HeadFraming head(max_head);
    const std::size_t head_size = check_head(rest, head);
    if (head_size == 0) return 0;
    check_address(head.forwarded_for());
    check_parsed(rest.substr(0, head_size), head.forwarded_for());
    rest.remove_prefix(head_size);
    const Body whole = body_of(head.body(), rest, [](auto bytes, const auto& on_piece) { on_piece(bytes); });
    const Body cut = body_of(head.body(), rest,
                             [](auto bytes, const auto& on_piece) { fuzz::cut_anyhow(bytes, on_piece); });
    FUZZ_CHECK(whole.state == cut.state && whole.bytes == cut.bytes);
    if (whole.state != BodyFraming::State::whole) return 0;
    FUZZ_CHECK(whole.consumed == cut.consumed);
    rest.remove_prefix(whole.consumed);
  }
  return 0;
}
