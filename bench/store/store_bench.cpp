// SPDX-License-Identifier: MIT
// Usage: bench_store [SMALL [LARGE [ROUNDS [FOLDER]]]]: tokens in the two databases, how often each is
// measured, and where the databases stay, for a next run with the same numbers to find them filled. Both are
// measured in turns within one run, so that what else the machine does falls on both alike; figures are
// medians over the rounds. CPU is the whole process's, with the store's own thread.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <future>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <sys/resource.h>

#include "opencat/file.hpp"
#include "server/store/sqlite_store.hpp"

using namespace opencat;
namespace chrono = std::chrono;

namespace {

/// As it is: the first request of each minute also writes when the token was last used.
Time this_moment() { return chrono::floor<chrono::milliseconds>(chrono::system_clock::now()); }
const QuotaPeriod period = quota_period(this_moment(), {});

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

struct Cost {
  double wall_us = 0;
  double cpu_us = 0;
};

template <class Work>
Cost cost_of(int times, const Work& work) {
  rusage before{};
  rusage after{};
  getrusage(RUSAGE_SELF, &before);
  const auto began = chrono::steady_clock::now();
  work();
  const double wall = chrono::duration<double>(chrono::steady_clock::now() - began).count();
  getrusage(RUSAGE_SELF, &after);
  const double cpu = seconds_of(after.ru_utime) + seconds_of(after.ru_stime) - seconds_of(before.ru_utime) -
                     seconds_of(before.ru_stime);
  return {wall * 1e6 / times, cpu * 1e6 / times};
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

/// A database with `size` tokens, each of which has made a request this month.
class Subject {
 public:
  Subject(const std::filesystem::path& folder, std::size_t size)
      : file_(folder / (std::to_string(size) + ".db")),
        is_filled_(std::filesystem::exists(file_)),
        store_(open_sqlite_store(file_, {1'000'000'000, {}})) {
    constexpr std::size_t batch = 5000;
    for (std::size_t i = 0; i < size; i += batch) {
      // The same ones each time, also when they are there already.
      std::vector<TokenRecord> tokens;
      for (std::size_t j = i; j < std::min(size, i + batch); ++j) tokens.push_back(new_token());
      for (const TokenRecord& token : tokens) hashes_.push_back(token.hash);
      if (is_filled_) continue;
      store_->issue_all(tokens);
      admit(std::vector(hashes_.begin() + static_cast<std::ptrdiff_t>(i), hashes_.end()));
    }
    random_.seed(std::random_device{}());  // what is issued from here on is not there
  }

  std::uintmax_t bytes() const { return std::filesystem::file_size(file_); }

  /// `active` tokens of them, chosen at random, make the requests: how many rows there are is one question,
  /// how many are touched another. With all of many active, each request is its token's first in a minute and
  /// finds none of its pages in a cache.
  void measure(std::size_t active, const std::string& name, std::map<std::string, std::vector<Cost>>& costs) {
    choose(std::min(active, hashes_.size()));
    costs["reserve, one a commit" + name].push_back(cost_of(100, [&] {
      for (int i = 0; i < 100; ++i) admit({any_hash()});
    }));
    costs["reserve, 64 at once" + name].push_back(cost_of(640, [&] {
      for (int i = 0; i < 10; ++i) {
        std::vector<std::string> group;
        for (int j = 0; j < 64; ++j) group.push_back(any_hash());
        admit(group);
      }
    }));
    costs["look up" + name].push_back(cost_of(1000, [&] {
      for (int i = 0; i < 1000; ++i) store_->find_by_hash(any_hash(), period);
    }));
  }

  void measure_issuing(std::map<std::string, std::vector<Cost>>& costs) {
    costs["issue, one a commit"].push_back(cost_of(100, [&] {
      for (int i = 0; i < 100; ++i) store_->issue(new_token());
    }));
  }

  /// Once: these are for people, who wait for them.
  void show_lists() {
    const auto show = [&](const char* name, const TokenQuery& query) {
      std::int64_t total = 0;
      const Cost cost = cost_of(1, [&] { total = store_->list(query, period).total; });
      std::printf("  %-34s %8.1f ms, %lld found\n", name, cost.wall_us / 1000, static_cast<long long>(total));
    };
    TokenQuery query;
    show("list, first page", query);
    query.offset = static_cast<std::int64_t>(hashes_.size()) - 50;
    show("list, last page", query);
    query = {};
    query.text = "12345";
    show("list, search", query);
    query = {};
    query.status = TokenState::Status::quota_exceeded;
    show("list, quota used up", query);
    query.status = TokenState::Status::active;
    show("list, active", query);
    query = {};
    query.sort = TokenSort::label;
    show("list, by label", query);
    const Cost usage = cost_of(1, [&] {
      store_->usage({period.month + "-01", period.day, UsageGroup::token, 1000});
    });
    std::printf("  %-34s %8.1f ms\n", "usage, a month by token", usage.wall_us / 1000);
  }

 private:
  std::string random_text(std::size_t size, bool hex) {
    std::string text(size, '0');
    for (char& c : text) {
      c = hex ? "0123456789abcdef"[random_() % 16] : static_cast<char>(random_() % 256);
    }
    return text;
  }

  TokenRecord new_token() {
    TokenRecord token;
    token.id = "tok_" + random_text(16, true);
    token.hash = random_text(32, false);
    token.prefix = "occ_" + random_text(4, true);
    token.platform = "linux-x64";
    token.install_id = "0f8fad5b-d9cb-469f-a165-" + random_text(12, true);
    token.version = "0.1.0";
    token.label = "label " + std::to_string(random_() % 1000);
    token.limits = {1'000'000, 1'000'000};
    token.meta = "{\"hostname\":\"pc\"}";
    token.created_at = iso8601(this_moment());
    return token;
  }

  /// So many different ones, the same each time that so many are asked for.
  void choose(std::size_t active) {
    if (active_.size() == active) return;
    active_ = hashes_;
    std::shuffle(active_.begin(), active_.end(), random_);
    active_.resize(active);
  }

  const std::string& any_hash() { return active_[random_() % active_.size()]; }

  void admit(const std::vector<std::string>& hashes) {
    // Shared: the last callback may still be in set_value() when the wait is over.
    const auto done = std::make_shared<std::promise<void>>();
    std::atomic<std::size_t> left{hashes.size()};
    for (const std::string& hash : hashes) {
      store_->admit({hash, "some-model", period, this_moment(), false},
                    [&left, done](const Admission& admission, std::exception_ptr) {
                      if (admission.verdict != Admission::Verdict::admitted)
                        std::fprintf(stderr, "not admitted\n");
                      if (--left == 0) done->set_value();
                    });
    }
    done->get_future().wait();
  }

  std::mt19937_64 random_{1};
  std::filesystem::path file_;
  bool is_filled_;
  std::unique_ptr<AdminStore> store_;
  std::vector<std::string> hashes_;
  std::vector<std::string> active_;
};

void print_row(const std::string& name, const std::vector<Cost>& small, const std::vector<Cost>& large) {
  const auto figures = [](const std::vector<Cost>& costs) {
    std::vector<double> wall;
    std::vector<double> cpu;
    for (const Cost& cost : costs) {
      wall.push_back(cost.wall_us);
      cpu.push_back(cost.cpu_us);
    }
    return Cost{median(wall), median(cpu)};
  };
  const Cost few = figures(small);
  const Cost many = figures(large);
  std::printf("%-36s %9.1f %9.1f %6.2f   %9.1f %9.1f %6.2f\n", name.c_str(), few.cpu_us, many.cpu_us,
              many.cpu_us / few.cpu_us, few.wall_us, many.wall_us, many.wall_us / few.wall_us);
}

std::size_t argument(int argc, char** argv, int index, std::size_t if_absent) {
  return argc > index ? std::stoul(argv[index]) : if_absent;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t few = argument(argc, argv, 1, 1000);
  const std::size_t many = argument(argc, argv, 2, 1'000'000);
  const std::size_t rounds = argument(argc, argv, 3, 31);
  // Beside the build, not in a /tmp that may be memory: commits are to reach a disk.
  const TemporaryFolder temporary(std::filesystem::current_path() / "build", "bench-store-");
  const std::filesystem::path folder = argc > 4 ? argv[4] : temporary.path();
  std::fprintf(stderr, "filling databases with %zu and %zu tokens\n", few, many);
  Subject small(folder, few);
  Subject large(folder, many);
  std::map<std::string, std::vector<Cost>> small_costs;
  std::map<std::string, std::vector<Cost>> large_costs;
  // One kind of load after the other: what one leaves in the WAL must not be paid by the next.
  const auto in_turns = [&](const auto& measure) {
    for (std::size_t i = 0; i < rounds; ++i) {
      measure(small, small_costs);
      measure(large, large_costs);
    }
  };
  in_turns([](Subject& subject, auto& costs) { subject.measure(10, ", 10 active", costs); });
  in_turns([](Subject& subject, auto& costs) { subject.measure(1000, ", 1000 active", costs); });
  in_turns([&](Subject& subject, auto& costs) { subject.measure(many, ", all active", costs); });
  in_turns([](Subject& subject, auto& costs) { subject.measure_issuing(costs); });
  std::printf("µs per operation, medians of %zu rounds; databases of %.1f and %.1f MB\n", rounds,
              static_cast<double>(small.bytes()) / 1e6, static_cast<double>(large.bytes()) / 1e6);
  std::printf("%-36s %9s %9s %6s   %9s %9s %6s\n", "", "CPU few", "CPU many", "ratio", "wall few",
              "wall many", "ratio");
  for (const auto& [name, costs] : small_costs) print_row(name, costs, large_costs[name]);
  std::printf("\nonce, with %zu tokens:\n", many);
  large.show_lists();
}
