// SPDX-License-Identifier: MIT
#include "server/upstream/model_request.hpp"

#include <string>

#include "opencat/error.hpp"
#include "tests/catch.hpp"

using namespace opencat;

namespace {

/// A chat request, as most of these are.
struct ChatRequest : ModelRequest {
  explicit ChatRequest(std::string_view body) : ModelRequest(json_endpoints().front(), body) {}
};

const Endpoint& endpoint(std::string_view path) {
  for (const Endpoint& candidate : json_endpoints()) {
    if (candidate.path == path) return candidate;
  }
  throw std::runtime_error("no such endpoint");
}

}  // namespace

namespace {

/// What the request is refused with; "" when it is taken.
std::string refusal(std::string_view body) {
  try {
    ChatRequest request(body);
    return "";
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::usage);
    return error.message();
  }
}

}  // namespace

TEST_CASE("ModelRequest reads the model, and takes its absence for auto") {
  CHECK(ChatRequest(R"({"messages":[],"model":"gpt-4o"})").model() == "gpt-4o");
  CHECK(ChatRequest(R"({"messages":[],"model":"\u4f60\"好"})").model() == "你\"好");
  for (const char* body : {R"({"messages":[]})", R"({"messages":[],"model":null})",
                           R"({"messages":[],"model":""})", R"({"messages":[],"model":"auto"})"}) {
    CHECK(ChatRequest(body).model() == "auto");
  }
}

TEST_CASE("ModelRequest tells streams, and whether usage was asked for") {
  CHECK_FALSE(ChatRequest(R"({"messages":[]})").stream());
  CHECK_FALSE(ChatRequest(R"({"messages":[],"stream":null})").stream());
  CHECK_FALSE(ChatRequest(R"({"messages":[],"stream": false })").stream());
  CHECK(ChatRequest(R"({"messages":[],"stream": true })").stream());

  CHECK_FALSE(ChatRequest(R"({"messages":[],"stream_options":null})").wants_usage());
  CHECK_FALSE(ChatRequest(R"({"messages":[],"stream_options":{}})").wants_usage());
  CHECK_FALSE(ChatRequest(R"({"messages":[],"stream_options":{"include_usage":false}})").wants_usage());
  CHECK(ChatRequest(R"({"messages":[],"stream_options":{"include_usage": true }})").wants_usage());
}

TEST_CASE("ModelRequest names the member that is wrong") {
  for (const char* body :
       {R"({})", R"({"messages":null})", R"({"messages":{}})", R"({"messages":"hello"})"}) {
    CHECK(refusal(body).find("'messages'") == 0);
  }
  for (const char* model : {"1", "true", "[]", "{}"}) {
    CHECK(refusal(std::string(R"({"messages":[],"model":)") + model + "}").find("'model'") == 0);
  }
  for (const char* stream : {"1", "\"true\"", "[]", "{}"}) {
    CHECK(refusal(std::string(R"({"messages":[],"stream":)") + stream + "}").find("'stream'") == 0);
  }
  for (const char* options : {"1", "\"{}\"", "[]", "true"}) {
    CHECK(refusal(std::string(R"({"messages":[],"stream_options":)") + options + "}")
              .find("'stream_options'") == 0);
  }
  CHECK(refusal("[]") != "");
}

TEST_CASE("ModelRequest changes the model's name and nothing else of a request that does not stream") {
  const std::string body =
      "{ \"seed\":123456789012345678901, \"model\" : "
      "\"auto\",\"temperature\":1.0,\"x\":[1e400,-0],\n\"messages\":[{\"role\":"
      "\"user\",\"content\":\"\\u4f60\"}] }";
  std::string expected = body;
  expected.replace(expected.find("\"auto\""), 6, "\"gpt \\\"4\\\"\"");
  CHECK(ChatRequest(body).body_for("gpt \"4\"") == expected);
  CHECK(ChatRequest(R"({"messages":[]})").body_for("m") == R"({"messages":[],"model":"m"})");
  CHECK(ChatRequest(R"({"messages":[],"model":null})").body_for("m") == R"({"messages":[],"model":"m"})");
  // Without a stream its options are the upstream's own matter.
  CHECK(ChatRequest(R"({"messages":[],"stream_options":{},"model":"a"})").body_for("m") ==
        R"({"messages":[],"stream_options":{},"model":"m"})");
}

TEST_CASE("ModelRequest asks for usage in a stream and keeps the other options") {
  const auto body_for = [](const std::string& options) {
    return ChatRequest(R"({"model":"a","stream":true,"messages":[])" + options + "}").body_for("a");
  };
  const std::string begin = R"({"model":"a","stream":true,"messages":[],"stream_options":)";
  CHECK(body_for("") == begin + R"({"include_usage":true}})");
  CHECK(body_for(R"(,"stream_options":null)") == begin + R"({"include_usage":true}})");
  CHECK(body_for(R"(,"stream_options":{"include_usage": false })") == begin + R"({"include_usage": true }})");
  CHECK(body_for(R"(,"stream_options":{"big":1.0,"x":12345678901234567890})") ==
        begin + R"({"big":1.0,"x":12345678901234567890,"include_usage":true}})");
}

TEST_CASE("ModelRequest reads a member given twice as the upstream does: the last counts, each is changed") {
  const ChatRequest request(R"({"model":"a","messages":[],"model":"b"})");
  CHECK(request.model() == "b");
  CHECK(request.body_for("m") == R"({"model":"m","messages":[],"model":"m"})");
}

TEST_CASE("ModelRequest keeps half a surrogate pair in a message and refuses it in a model's name") {
  const std::string message = R"({"messages":[{"content":"\ud800"}]})";
  CHECK(ChatRequest(message).body_for("m").find(R"("\ud800")") != std::string::npos);
  CHECK_THROWS_AS(ChatRequest(R"({"messages":[],"model":"\ud800"})"), Error);
}

TEST_CASE(
    "ModelRequest demands of each call what that call needs, and asks for usage only where it is taken") {
  CHECK_THROWS_AS(ModelRequest(endpoint("/messages"), R"({"model":"a"})"), Error);
  CHECK(ModelRequest(endpoint("/embeddings"), R"({"input":"x","stream":"?"})").stream() == false);
  const char* stream = R"({"model":"a","input":"x","stream":true})";
  CHECK(ModelRequest(endpoint("/responses"), stream).body_for("b") ==
        R"({"model":"b","input":"x","stream":true})");
  CHECK(ModelRequest(endpoint("/completions"), R"({"prompt":"x","stream":true})").body_for("b") ==
        R"({"prompt":"x","stream":true,"model":"b","stream_options":{"include_usage":true}})");
}
