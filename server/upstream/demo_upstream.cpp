// SPDX-License-Identifier: MIT
#include <atomic>

#include <nlohmann/json.hpp>

#include "opencat/assets.hpp"
#include "opencat/text.hpp"
#include "server/upstream/sse_parser.hpp"
#include "server/upstream/upstream.hpp"

namespace opencat {

using Json = nlohmann::json;

namespace {

constexpr std::chrono::milliseconds pace{12};  ///< between pieces: about as fast as a quick model writes
constexpr std::size_t piece_bytes = 8;
constexpr std::size_t quoted_bytes = 400;

/// Where the UTF-8 character that byte `at` falls into ends.
std::size_t character_end(std::string_view text, std::size_t at) {
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  return at;
}

/// A member of an object, or null. By reference: copying recurses, and a stranger chose the depth.
const Json& member(const Json& object, const char* name) {
  static const Json null;
  const auto found = object.find(name);
  return object.is_object() && found != object.end() ? *found : null;
}

/// The last user message's text; of content parts, the text ones.
std::string question_of(const Json& request) {
  std::string question;
  for (const Json& message : member(request, "messages")) {
    if (member(message, "role") != "user") continue;
    const Json& content = member(message, "content");
    if (content.is_string()) question = content.get<std::string>();
    if (!content.is_array()) continue;
    question.clear();
    for (const Json& part : content) {
      if (member(part, "text").is_string()) question += part.at("text").get<std::string>();
    }
  }
  if (question.size() > quoted_bytes)
    question = question.substr(0, character_end(question, quoted_bytes)) + " …";
  return join(split(question, '\n'), "\n> ");
}

std::string answer_to(const std::string& question) {
  std::string answer(asset("server/demo_answer.md"));
  constexpr std::string_view mark = "{{question}}";
  return answer.replace(answer.find(mark), mark.size(), question);
}

/// A rough count, as the demo has no tokenizer: four bytes are about one token of English.
std::int64_t rough_tokens(std::string_view text) { return static_cast<std::int64_t>(text.size() + 3) / 4; }

/// One answer on its way, a piece each time its timer fires.
class DemoAnswer : public std::enable_shared_from_this<DemoAnswer> {
 public:
  DemoAnswer(EventLoop& loop, TransferListener& listener, const UpstreamRequest& request, std::string id,
             Time now)
      : loop_(loop), listener_(&listener), stream_(request.stream), id_(std::move(id)) {
    created_ = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    const Json body = Json::parse(request.body, nullptr, false);
    text_ = answer_to(question_of(body));
    usage_ = {{"prompt_tokens", rough_tokens(request.body)}, {"completion_tokens", rough_tokens(text_)}};
    usage_["total_tokens"] = rough_tokens(request.body) + rough_tokens(text_);
  }

  void schedule() {
    loop_.call_after(pace, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->step();
    });
  }

  void cancel() { listener_ = nullptr; }
  void pause() { paused_ = true; }
  void resume() {
    if (!std::exchange(paused_, false) || !waiting_) return;
    waiting_ = false;
    schedule();
  }

 private:
  void step() {
    if (listener_ == nullptr) return;
    if (paused_) {
      waiting_ = true;
      return;
    }
    if (!std::exchange(began_, true)) {
      listener_->on_head(200, {{"content-type", stream_ ? "text/event-stream" : "application/json"}});
      if (listener_ == nullptr) return;
      if (!stream_) {
        const Json message{{"role", "assistant"}, {"content", text_}};
        Json answer =
            envelope("chat.completion", {{"index", 0}, {"message", message}, {"finish_reason", "stop"}});
        answer["usage"] = usage_;
        return finish(answer.dump());
      }
      return send(chunk({{"role", "assistant"}, {"content", ""}}, nullptr));
    }
    if (sent_ < text_.size()) {
      const std::size_t end = character_end(text_, std::min(sent_ + piece_bytes, text_.size()));
      const std::string piece = text_.substr(sent_, end - sent_);
      sent_ = end;
      return send(chunk({{"content", piece}}, nullptr));
    }
    Json usage = envelope("chat.completion.chunk", nullptr);
    usage["choices"] = Json::array();
    usage["usage"] = usage_;
    finish(event(chunk(Json::object(), "stop")) + event(usage) + sse_bytes({"", "[DONE]"}));
  }

  Json envelope(const char* object, const Json& choice) const {
    return {{"id", id_},
            {"object", object},
            {"created", created_},
            {"model", demo_model},
            {"choices", Json::array({choice})}};
  }
  Json chunk(const Json& delta, const Json& finish_reason) const {
    return envelope("chat.completion.chunk",
                    {{"index", 0}, {"delta", delta}, {"finish_reason", finish_reason}});
  }
  static std::string event(const Json& document) {
    return sse_bytes({"", document.dump(-1, ' ', false, Json::error_handler_t::replace)});
  }

  void send(const Json& document) {
    listener_->on_body(event(document));
    if (listener_ != nullptr) schedule();
  }
  void finish(const std::string& bytes) {
    listener_->on_body(bytes);
    if (TransferListener* listener = std::exchange(listener_, nullptr)) listener->on_end(std::nullopt);
  }

  EventLoop& loop_;
  TransferListener* listener_;
  bool stream_;
  std::string id_;
  std::int64_t created_ = 0;
  std::string text_;
  Json usage_;
  std::size_t sent_ = 0;
  bool began_ = false;
  bool paused_ = false;
  bool waiting_ = false;  ///< its next step fell into a pause
};

/// The caller's end: letting it go cancels the answer, which a timer may still refer to.
class DemoTransfer : public Transfer {
 public:
  explicit DemoTransfer(std::shared_ptr<DemoAnswer> answer) : answer_(std::move(answer)) {}
  ~DemoTransfer() override { answer_->cancel(); }
  void pause() override { answer_->pause(); }
  void resume() override { answer_->resume(); }

 private:
  std::shared_ptr<DemoAnswer> answer_;
};

class DemoUpstream : public Upstream {
 public:
  explicit DemoUpstream(Clock& clock) : clock_(clock) {}
  std::unique_ptr<Transfer> start(UpstreamLoop& loop, UpstreamRequest request,
                                  TransferListener& listener) override {
    const std::string id = "chatcmpl-demo-" + std::to_string(++count_);
    const auto answer = std::make_shared<DemoAnswer>(loop.loop, listener, request, id, clock_.now());
    answer->schedule();
    return std::make_unique<DemoTransfer>(answer);
  }
  std::unique_ptr<Transfer> probe(UpstreamLoop&, TransferListener&) override { return nullptr; }

 private:
  Clock& clock_;
  std::atomic<std::uint64_t> count_{0};
};

}  // namespace

std::unique_ptr<Upstream> make_demo_upstream(Clock& clock) { return std::make_unique<DemoUpstream>(clock); }

}  // namespace opencat
