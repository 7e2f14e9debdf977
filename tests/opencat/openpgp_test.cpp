// SPDX-License-Identifier: MIT
#include "opencat/openpgp.hpp"

#include "opencat/assets.hpp"
#include "tests/catch.hpp"

using namespace opencat;

TEST_CASE("this build carries every key that its list names, and no other") {
  KeyRing ring;
  ring.add(asset("data/node_release_keys.asc"), "the embedded keys");
  const std::string list{asset("data/node_release_keys.txt")};
  for (const PublicKey& key : ring.keys()) {
    INFO(key.fingerprint << " " << key.holder << " " << key.state);
    CHECK(list.find("\n" + key.fingerprint + "  ") != std::string::npos);
    CHECK(!key.state.empty());
    CHECK(ring.armored(key.fingerprint).find("BEGIN PGP PUBLIC KEY BLOCK") != std::string::npos);
  }
  CHECK(ring.keys().size() == 15);
}
