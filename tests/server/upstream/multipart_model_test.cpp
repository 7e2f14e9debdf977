// SPDX-License-Identifier: MIT
#include "server/upstream/multipart_model.hpp"

#include <string>

#include "opencat/error.hpp"
#include "tests/catch.hpp"

using namespace opencat;

namespace {

constexpr const char* type = "multipart/form-data; boundary=XyZ";

std::string part(const std::string& disposition, const std::string& content) {
  return "--XyZ\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + content + "\r\n";
}

/// The field after the body came in pieces of `size`.
std::optional<MultipartModel::Field> found(const std::string& body, std::size_t size) {
  MultipartModel form(type);
  for (std::size_t at = 0; at < body.size(); at += size) form.feed(std::string_view(body).substr(at, size));
  return form.field();
}

}  // namespace

TEST_CASE("the model is found wherever it stands and however the body is cut") {
  // Bytes that look like the begin of a boundary, and a file's name and content that look like the field.
  const std::string file =
      part("name=\"file\"; filename=\"model\"",
           "\r\n--Xy\r\n--XyYname=\"model\"\r\n\r\nfake\r\n--X" + std::string(500, '\r'));
  for (const std::string& before :
       {std::string(), file, part("name=\"language\"", "zh"), part("name=\"x\"", "")}) {
    std::string body = before;
    body.append(part("name=\"model\"", "whisper-1")).append(file).append("--XyZ--\r\n");
    for (std::size_t size = 1; size < body.size(); size += size < 20 ? 1 : 37) {
      CAPTURE(before, size);
      const auto field = found(body, size);
      REQUIRE(field);
      CHECK(field->value == "whisper-1");
      CHECK(body.substr(field->offset, field->value.size()) == "whisper-1");
    }
  }
}

TEST_CASE("a preamble is passed over, and unquoted and odd names are read") {
  for (const char* disposition : {"name=model", "NAME=\"model\"", "x=\"a;name=b\" ; name=\"model\""}) {
    const std::string body = "preamble\r\n" + part(disposition, "m") + "--XyZ--";
    const auto field = found(body, body.size());
    REQUIRE(field);
    CHECK(body.substr(field->offset, 1) == "m");
  }
}

TEST_CASE("a form without the field has none, and what would say it is one more part") {
  for (const std::string& body :
       {std::string("--XyZ--\r\n"), part("name=\"file\"", "x") + "--XyZ--", part("name=\"models\"", "x"),
        std::string("--XyZ--\r\n") + part("name=\"model\"", "behind the end"), std::string(100'000, '-')}) {
    CHECK_FALSE(found(body, 7));
  }
  CHECK(MultipartModel(type).part_for("m") == part("name=\"model\"", "m"));
}

TEST_CASE("a missing field is put behind the preamble, which would else become its value") {
  for (const std::string& preamble : {std::string(), std::string("preamble\r\n"), std::string("\r\n")}) {
    for (const std::size_t cut : {1u, 7u, 1000u}) {
      const std::string body = preamble + part("name=\"file\"", "x") + "--XyZ--\r\n";
      MultipartModel form(type);
      for (std::size_t at = 0; at < body.size(); at += cut) form.feed(std::string_view(body).substr(at, cut));
      REQUIRE(form.part_offset() == preamble.size());
      const auto added = found(std::string(body).insert(form.part_offset(), form.part_for("m")), cut);
      REQUIRE(added);
      CHECK(added->value == "m");
    }
  }
}

TEST_CASE("a value or a part's head that is too long is too long however it arrives") {
  for (const std::size_t cut : {1u, 100u, 100'000u}) {
    CHECK(found(part("name=\"model\"", std::string(1024, 'a')) + "--XyZ--", cut));
    CHECK_THROWS_AS(found(part("name=\"model\"", std::string(1025, 'a')) + "--XyZ--", cut), Error);
    CHECK_FALSE(
        found("--XyZ\r\nA: " + std::string(20'000, 'x') + "\r\n\r\n\r\n" + part("name=model", "m"), cut));
  }
}

TEST_CASE("what is no form, and a model that is no name, are refused") {
  for (const char* other : {"", "application/json", "multipart/form-data", "multipart/mixed; boundary=a",
                            "multipart/form-data; boundary=\"\""}) {
    CHECK_THROWS_AS(MultipartModel(other), Error);
  }
  CHECK_THROWS_AS(MultipartModel("multipart/form-data; boundary=" + std::string(71, 'a')), Error);
  MultipartModel form("Multipart/Form-Data; charset=x; boundary=\"Xy Z\"");
  form.feed("--Xy Z\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--Xy Z");
  CHECK(form.field()->value == "m");
  CHECK_THROWS_AS(found(part("name=\"model\"", std::string(5000, 'a')), 100), Error);
}

TEST_CASE("memory stays small however large a part or its head is") {
  MultipartModel form(type);
  form.feed("--XyZ\r\nA: ");
  for (int i = 0; i < 100; ++i) form.feed(std::string(1000, 'x'));
  form.feed("\r\n\r\n\r\n" + part("name=\"model\"", "m"));
  CHECK_FALSE(form.field());  // it gave up on a head of that size
}
