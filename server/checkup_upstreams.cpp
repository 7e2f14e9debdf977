// SPDX-License-Identifier: MIT
// The part of ServerCheckup that asks upstreams.
#include <nlohmann/json.hpp>

#include "opencat/error.hpp"
#include "opencat/text.hpp"
#include "server/checkup.hpp"

namespace opencat {

using Json = nlohmann::json;
using State = Finding::State;

namespace {

HttpRequest request_to(const UpstreamConfig& upstream, const std::string& path) {
  HttpRequest request;
  request.url = upstream.base_url + path;
  request.redirects = HttpRequest::Redirects::refuse;
  const bool anthropic = upstream.kind == UpstreamKind::anthropic;
  if (anthropic) request.headers.emplace_back("anthropic-version", "2023-06-01");
  if (!upstream.key.empty()) {
    request.headers.emplace_back(anthropic ? "x-api-key" : "Authorization",
                                 anthropic ? upstream.key : "Bearer " + upstream.key);
  }
  return request;
}

/// Names that its list of models has.
std::vector<std::string> models_in(const std::string& body) {
  std::vector<std::string> names;
  const Json list = Json::parse(body, nullptr, false);
  if (!list.is_object() || !list.contains("data") || !list.at("data").is_array()) return names;
  for (const Json& model : list.at("data")) {
    if (model.is_object() && model.contains("id") && model.at("id").is_string())
      names.push_back(model.at("id").get<std::string>());
  }
  return names;
}

}  // namespace

void ServerCheckup::check_upstreams(const std::stop_token& stop) {
  if (options_.upstreams.empty())
    tell_({"upstream",
           State::bad,
           {"none is configured, so every request is answered 503"},
           {"set --upstream-url, --upstream-model and OPENCAT_UPSTREAM_KEY, or try --demo"},
           ErrorKind::usage});
  for (const UpstreamConfig& upstream : options_.upstreams) {
    const std::string name = "upstream " + upstream.name;
    if (upstream.kind == UpstreamKind::demo) {
      tell_({name, State::good, {"the built-in demonstration"}});
      continue;
    }
    try {
      if (check_models(upstream, stop) && may_chat_) check_stream(upstream, stop);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      tell_({name,
             State::bad,
             {error.message()},
             {"see whether this machine reaches it: the address, DNS, a firewall, a proxy (HTTPS_PROXY), its "
              "certificate (--ca-file)"},
             error.kind()});
    }
  }
}

/// Whether it is worth asking it more.
bool ServerCheckup::check_models(const UpstreamConfig& upstream, const std::stop_token& stop) {
  const std::string name = "upstream " + upstream.name;
  const HttpResponse answer = send(request_to(upstream, "/models"), stop);
  const std::string told = upstream.base_url + "/models answers " + std::to_string(answer.status);
  if (answer.status == 401 || answer.status == 403) {
    tell_({name,
           State::bad,
           {told + ": the key is " + (upstream.key.empty() ? "missing" : "not right")},
           {"put the key into OPENCAT_UPSTREAM_KEY, or what key_env or key_file of the upstream names"},
           ErrorKind::unauthorized});
    return false;
  }
  if (answer.status != 200) {
    tell_({name,
           State::doubtful,
           {told + ", so its models are not known"},
           {"if chat fails, too: is the base URL right? It mostly ends in /v1"}});
    return true;
  }
  const std::vector<std::string> offered = models_in(answer.body);
  std::vector<std::string> absent;
  for (const std::string& model : upstream.models) {
    if (!contains(offered, model)) absent.push_back(model);
  }
  if (absent.empty() || offered.empty()) {
    tell_({name, State::good, {"is reached, takes the key, offers " + join(upstream.models, ", ")}});
  } else {
    const auto near = nearest(absent.front(), offered);
    tell_({name,
           State::bad,
           {"does not offer " + join(absent, ", ")},
           {near ? "did you mean " + *near + "?" : "it offers " + join(offered, ", ").substr(0, 300)},
           ErrorKind::model_not_found});
  }
  return true;
}

void ServerCheckup::check_stream(const UpstreamConfig& upstream, const std::stop_token& stop) {
  const std::string name = "stream of " + upstream.name;
  if (upstream.models.empty()) return;
  HttpRequest request =
      request_to(upstream, upstream.kind == UpstreamKind::anthropic ? "/messages" : "/chat/completions");
  request.method = "POST";
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = Json{{"model", upstream.models.front()},
                      {"stream", true},
                      {"max_tokens", 16},
                      {"messages", {{{"role", "user"}, {"content", "Say hello."}}}}}
                     .dump();
  std::string text;
  const HttpResponse head = client_.download(
      request, [&](const HttpResponse&, std::string_view piece) { text += piece; }, {}, stop);
  const std::string* type = find_header(head.headers, "Content-Type");
  const std::string model = upstream.models.front();
  if (head.status != 200)
    return tell_({name,
                  State::bad,
                  {"a chat with " + model + " is answered " + std::to_string(head.status)},
                  {"try the same with curl: the provider's message says more (money, region, model)"},
                  head.status == 401 || head.status == 403 ? ErrorKind::unauthorized : ErrorKind::network});
  const bool events = type != nullptr && type->starts_with("text/event-stream") &&
                      (text.starts_with("data:") || text.find("\ndata:") != std::string::npos);
  if (!events)
    return tell_({name,
                  State::bad,
                  {model + " answers, but not as a stream of events"},
                  {"does a proxy in between gather answers, or is the base URL that of another API?"},
                  ErrorKind::network});
  tell_({name, State::good, {model + " answers word by word"}});
}

}  // namespace opencat
