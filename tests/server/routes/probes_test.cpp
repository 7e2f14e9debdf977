// SPDX-License-Identifier: MIT
#include "server/routes/probes.hpp"

#include "opencat/error.hpp"
#include "tests/catch.hpp"

using namespace opencat;
using Reasons = std::vector<std::string>;

namespace {

struct Fixture {
  std::vector<std::function<void(std::exception_ptr)>> asked;
  bool full = false;
  std::vector<Reasons> told;
  routes::Readiness readiness{[this](auto done) {
    if (full) throw Error(ErrorKind::unavailable, "full");
    asked.push_back(std::move(done));
  }};

  void check() {
    readiness.check([this](Reasons reasons) { told.push_back(std::move(reasons)); });
  }
};

}  // namespace

TEST_CASE("all who ask for readiness at once cost the store one write, and its answer holds a while") {
  Fixture f;
  f.check();
  f.check();
  REQUIRE(f.asked.size() == 1);
  CHECK(f.told.empty());
  f.asked.front()(nullptr);
  CHECK(f.told == std::vector<Reasons>{{}, {}});
  f.check();
  CHECK(f.told.size() == 3);
  CHECK(f.asked.size() == 1);
}

TEST_CASE("readiness says why not, without what is only for the log") {
  Fixture failing;
  failing.check();
  failing.asked.front()(std::make_exception_ptr(Error(ErrorKind::failed, "disk full: /data/opencat.db")));
  CHECK(failing.told == std::vector<Reasons>{{"the database cannot be written"}});
  Fixture full;
  full.full = true;
  full.check();
  CHECK(full.told == std::vector<Reasons>{{"the database is busy"}});
  Fixture draining;
  draining.readiness.drain();
  draining.check();
  CHECK(draining.told == std::vector<Reasons>{{"the server is stopping"}});
  CHECK(draining.asked.empty());
}

TEST_CASE("a store that never answers gathers no more than a bounded number of waiting checks") {
  Fixture f;
  for (int i = 0; i < 1000; ++i) f.check();
  CHECK(f.asked.size() == 1);
  CHECK(f.told.size() == 900);
  CHECK(f.told.back() == Reasons{"the database does not answer"});
}
