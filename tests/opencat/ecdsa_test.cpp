// SPDX-License-Identifier: MIT
#include "opencat/ecdsa.hpp"

#include <string>

#include "tests/catch.hpp"

using namespace opencat;

// Made once with Node: crypto.sign("sha256", message, key), of a P-256 and a P-384 key.
namespace {
const std::string message = "cowsay@1.6.0:sha512-abc==";
const std::string key =
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAExusl/x5Nh0N24kLDnz3lJF2vpINXPMAAl/"
    "FKrmZWtyzNr7t2Jf3LXW7iXYa1ux60JX2N5v2SRgSdv0Dzfbw8fw==";
const std::string signature =
    "MEYCIQDAuAlfCUIBcywwBaKA3F6vsklih3qOLWRc9I71yQa4fwIhAPY89WpfemoUoxgJmvyCrI8Tmo0LAEMW5av5AhPeaDlL";
const std::string other_key =
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEaqwbOMr3g+bpbIjSjSTH+Y5ao/"
    "8NqCkKjzlAbvjV0sRebpjS3juJsMzbEyIXCPy92syMJ1cP+GUS36zhmGOwLqdmy0VBwhY6ZJZ9Pjvb48RP8UzMncfU/gpydkioIsYq";
const std::string other_signature =
    "MGUCMQDCRUiF7cxi1Sdwl6VL8fcBUAyym9YSJIcgv4EnkdbaF7G9kbP1piMN8qG1Tf8vgZMCMDRQEvF2HwLmvhDvnVOwbcbNlFFag7Bk"
    "aIa+mVbZnkd6bnYze8Cy2Exyp8e7HDh2gA==";
}  // namespace

TEST_CASE("a signature is that of its message by its key, and of nothing else") {
  CHECK(is_ecdsa_signature(key, message, signature));
  CHECK_FALSE(is_ecdsa_signature(key, message + " ", signature));
  CHECK_FALSE(is_ecdsa_signature(key, "", signature));
  std::string turned = signature;
  turned[20] = turned[20] == 'A' ? 'B' : 'A';
  CHECK_FALSE(is_ecdsa_signature(key, message, turned));
}

TEST_CASE("a key of another curve, and what is no key or signature at all, proves nothing") {
  CHECK_FALSE(is_ecdsa_signature(other_key, message, other_signature));
  for (const std::string& odd : {std::string(), std::string("AAAA"), std::string("A"), std::string("===="),
                                 std::string(5000, 'A'), key + "AAAA", std::string("not base64!!")}) {
    INFO(odd);
    CHECK_FALSE(is_ecdsa_signature(odd, message, signature));
    CHECK_FALSE(is_ecdsa_signature(key, message, odd));
  }
}
