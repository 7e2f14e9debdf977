// SPDX-License-Identifier: MIT
#include "server/routes/downloads.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "opencat/digest.hpp"
#include "opencat/error.hpp"
#include "server/http/blocking_pool.hpp"
#include "server/http/byte_range.hpp"

namespace opencat::routes {

using Json = nlohmann::json;

namespace {

constexpr std::size_t piece_bytes = 128 << 10;
constexpr std::size_t max_waiting = 256;

/// Sends a part of a file, one piece a turn of the loop, and the next when the client has taken the last: a
/// download holds one piece in memory, and delays no stream beside it. Keeps itself by the exchange's
/// callback.
class FileAnswer : public std::enable_shared_from_this<FileAnswer> {
 public:
  FileAnswer(std::shared_ptr<http::Exchange> exchange, std::shared_ptr<const InputFile> file,
             std::uint64_t first, std::uint64_t length)
      : exchange_(std::move(exchange)), file_(std::move(file)), at_(first), end_(first + length) {}

  void start() {
    exchange_->on_drained = [self = shared_from_this()] { self->go_on_soon(); };
    go_on_soon();
  }

 private:
  void go_on_soon() {
    if (waiting_) return;
    waiting_ = true;
    exchange_->loop().post([self = shared_from_this()] {
      self->waiting_ = false;
      self->go_on();
    });
  }

  void go_on() {
    if (at_ == end_) return exchange_->end();
    const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, end_ - at_));
    std::string piece;
    try {
      piece = file_->read(at_, count);
    } catch (const Error&) {
      return exchange_->cut_off();
    }
    at_ += count;
    exchange_->write(piece);
  }

  std::shared_ptr<http::Exchange> exchange_;
  std::shared_ptr<const InputFile> file_;
  std::uint64_t at_;
  std::uint64_t end_;
  bool waiting_ = false;
};

/// Of RFC 9530, as the digest's base64 between colons.
std::string repr_digest(const OfferedBundle& bundle) {
  std::vector<unsigned char> bytes;
  for (std::size_t i = 0; i < bundle.sha256.size(); i += 2) {
    bytes.push_back(static_cast<unsigned char>(std::stoi(bundle.sha256.substr(i, 2), nullptr, 16)));
  }
  return "sha-256=:" + to_base64(bytes) + ":";
}

void send_bundle(const std::shared_ptr<http::Exchange>& exchange, const OfferedBundle& bundle) {
  const std::uint64_t size = bundle.file->size();
  const std::string etag = "\"" + bundle.sha256 + "\"";
  const http::RangeAnswer answer = http::answer_range(exchange->request(), etag, size);
  http::Response response{answer.status};
  response.headers = {{"ETag", etag},
                      {"Accept-Ranges", "bytes"},
                      // The next zip is at the same address.
                      {"Cache-Control", "no-cache"},
                      {"X-Content-Type-Options", "nosniff"}};
  if (!answer.content_range.empty()) response.headers.emplace_back("Content-Range", answer.content_range);
  if (answer.status != 200 && answer.status != 206) return exchange->respond(std::move(response));
  response.headers.emplace_back("Content-Type", "application/zip");
  response.headers.emplace_back("Content-Disposition", "attachment; filename=\"" + bundle.name + "\"");
  response.headers.emplace_back("Repr-Digest", repr_digest(bundle));
  response.length = answer.length;
  exchange->begin(std::move(response));
  if (exchange->request().method == "HEAD") return exchange->end();
  std::make_shared<FileAnswer>(exchange, bundle.file, answer.first, answer.length)->start();
}

void answer_download(const std::shared_ptr<http::Exchange>& exchange,
                     const std::optional<OfferedBundle>& bundle) {
  if (bundle) return send_bundle(exchange, *bundle);
  exchange->respond(http::error_response(
      Error(ErrorKind::not_found,
            "there is nothing to download for this platform; see /download for what there is")));
}

void list_downloads(const std::shared_ptr<http::Exchange>& exchange,
                    const std::vector<OfferedBundle>& offered) {
  Json list = Json::array();
  for (const OfferedBundle& bundle : offered) {
    list.push_back({{"platform", bundle.platform.name()},
                    {"file", bundle.name},
                    {"size", bundle.file->size()},
                    {"sha256", bundle.sha256},
                    {"path", "download/" + bundle.platform.name()}});
  }
  exchange->respond(http::json_response(200, {{"downloads", list}}));
}

/// Looking may take the time of hashing a new zip, for which the handlers of other routes need not wait.
struct Looker {
  explicit Looker(std::unique_ptr<BundleShelf> its_shelf) : shelf(std::move(its_shelf)) {}
  std::unique_ptr<BundleShelf> shelf;
  http::BlockingPool pool{1, max_waiting};  // goes first, with what it still has to look at
};

/// Has `look` ask the shelf in the looker's thread, and `answer` tell it on the exchange's loop.
template <class Look, class Answer>
http::LoopHandler looking(const std::shared_ptr<Looker>& looker, Look look, Answer answer) {
  return [looker, look, answer](const std::shared_ptr<http::Exchange>& given) {
    looker->pool.run(
        [&shelf = *looker->shelf, look, answer, exchange = given, &loop = given->loop()]() mutable {
          auto found =
              std::make_shared<decltype(look(shelf, exchange->request()))>(look(shelf, exchange->request()));
          // The exchange goes home with the answer, for its last reference may only be let go on its loop.
          loop.post([exchange = std::move(exchange), found, answer] { answer(exchange, *found); });
        });
  };
}

}  // namespace

void add_download_routes(http::Routes& routes, std::unique_ptr<BundleShelf> shelf) {
  const auto looker = std::make_shared<Looker>(std::move(shelf));
  // So that the log says at the start what is offered, and no visitor waits for it.
  looker->pool.run([&begun = *looker->shelf] { begun.all(); });
  routes.push_back(
      {"GET", "/api/downloads", http::Access::anyone,
       looking(
           looker, [](BundleShelf& on, const http::Request&) { return on.all(); }, list_downloads)});
  routes.push_back(
      {"GET", "/download/([^/]+)", http::Access::anyone,
       looking(
           looker,
           [](BundleShelf& on, const http::Request& request) { return on.find(request.captures.at(0)); },
           answer_download)});
}

}  // namespace opencat::routes
