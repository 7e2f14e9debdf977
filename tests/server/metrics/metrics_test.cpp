// SPDX-License-Identifier: MIT
#include <limits>
#include <thread>

#include "server/metrics/server_metrics.hpp"
#include "tests/catch.hpp"

using namespace opencat::metrics;

TEST_CASE("metrics are rendered as Prometheus reads them") {
  Registry registry;
  registry.counter("a_total", "Back\\slash and\nline.").add(3);
  registry.gauge("b", "B.").add(-2);
  registry.counters("c_total", "C.", {"x", "y"}).with({"1", "quote\" back\\ line\n"}).add();
  registry.sampled("d", "D.", Registry::Kind::gauge, {"z"}, [] {
    return std::vector<Sample>{{{"1"}, 0.25}, {{"2"}, std::numeric_limits<double>::infinity()}};
  });
  registry.sampled("e_total", "E.", Registry::Kind::counter, {}, [] { return std::vector<Sample>{}; });
  CHECK(registry.render() ==
        "# HELP a_total Back\\\\slash and\\nline.\n# TYPE a_total counter\na_total 3\n"
        "# HELP b B.\n# TYPE b gauge\nb -2\n"
        "# HELP c_total C.\n# TYPE c_total counter\nc_total{x=\"1\",y=\"quote\\\" back\\\\ line\\n\"} 1\n"
        "# HELP d D.\n# TYPE d gauge\nd{z=\"1\"} 0.25\nd{z=\"2\"} +Inf\n"
        "# HELP e_total E.\n# TYPE e_total counter\n");
  registry.forget_sampled();
  CHECK(registry.render().find("# HELP d") == std::string::npos);
}

TEST_CASE("a histogram's buckets are cumulative, and their ends belong to them") {
  Registry registry;
  Histogram& histogram = registry.histogram("h_seconds", "H.", {0.1, 1});
  for (const double value : {0.05, 0.1, 0.5, 7.0}) histogram.observe(value);
  CHECK(registry.render() ==
        "# HELP h_seconds H.\n# TYPE h_seconds histogram\n"
        "h_seconds_bucket{le=\"0.1\"} 2\nh_seconds_bucket{le=\"1\"} 3\nh_seconds_bucket{le=\"+Inf\"} 4\n"
        "h_seconds_sum 7.65\nh_seconds_count 4\n");
  registry.histograms("l", "L.", {"m"}, {1}).with({"x"}).observe(2);
  CHECK(registry.render().find("l_bucket{m=\"x\",le=\"1\"} 0\nl_bucket{m=\"x\",le=\"+Inf\"} 1\n"
                               "l_sum{m=\"x\"} 2\nl_count{m=\"x\"} 1\n") != std::string::npos);
}

TEST_CASE("a family has a bound, and counts what is beyond it as one") {
  Registry registry;
  Family<Counter>& family = registry.counters("c_total", "C.", {"a", "b"}, 2);
  Counter& first = family.with({"1", "1"});
  CHECK(&first == &family.with({"1", "1"}));
  CHECK(&first != &family.with({"1", "2"}));
  for (int i = 3; i < 1000; ++i) family.with({"1", std::to_string(i)}).add();
  std::size_t series = 0;
  family.each([&](const Labels&, const Counter&) { ++series; });
  CHECK(series == 3);
  CHECK(registry.render().find("c_total{a=\"_OTHER\",b=\"_OTHER\"} 997\n") != std::string::npos);
}

TEST_CASE("counts from several threads are all there") {
  Registry registry;
  Family<Counter>& family = registry.counters("c_total", "C.", {"route", "status"});
  Histogram& histogram = registry.histogram("h", "H.", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14});
  constexpr int each = 100'000;
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < each; ++i) {
        family.with({"/v1/chat/completions", i % 2 ? "200" : "429"}).add();
        histogram.observe(i % 20);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(family.with({"/v1/chat/completions", "200"}).value() == each);
  CHECK(histogram.cumulative().back() == std::uint64_t{2} * each);
}

TEST_CASE("tokens of each model are counted up to a bound of models, and none of a kind is no value") {
  ServerMetrics metrics;
  for (int i = 0; i < 10'000; ++i) {
    metrics.count_tokens("/chat/completions", "m" + std::to_string(i % 1000), i % 2, 2, i % 3 == 0);
  }
  std::size_t series = 0;
  std::uint64_t values = 0;
  metrics.gen_ai_tokens.each([&](const Labels&, const Histogram& histogram) {
    ++series;
    values += histogram.cumulative().back();
  });
  CHECK(series <= 801);
  CHECK(values == 15'000);
}

TEST_CASE("a call's operation has the name of the conventions") {
  CHECK(gen_ai_operation("/v1/chat/completions") == "chat");
  CHECK(gen_ai_operation("/v1/completions") == "text_completion");
  CHECK(gen_ai_operation("/v1/embeddings") == "embeddings");
  CHECK(gen_ai_operation("/v1/messages") == "chat");
  CHECK(gen_ai_operation("/v1/responses") == "chat");
  CHECK(gen_ai_operation("/v1/audio/speech") == "generate_content");
  CHECK(gen_ai_operation("/images/edits") == "generate_content");
}
