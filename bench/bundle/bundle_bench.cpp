// SPDX-License-Identifier: MIT
// What run.mjs cannot measure from outside. Prints one JSON object.
//
//   bench_bundle run WORD…                      runs a program: its wall time, peak memory and exit code
//   bench_bundle personal CACHE VERSION FOLDER ROUNDS COUNT
//                                               writes personal zips of the cached linux-x64 runtime: ROUNDS
//                                               of them in turn with copies of such a file, then COUNT at
//                                               once
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bundle/shared_bundle.hpp"
#include "opencat/parallel.hpp"

namespace {

namespace fs = std::filesystem;
using namespace opencat;
using Json = nlohmann::json;

template <class Work>
double ms_of(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

long peak_kib(int who) {
  rusage usage{};
  getrusage(who, &usage);
  return usage.ru_maxrss;
}

Json run(char** words) {
  int status = -1;
  const double ms = ms_of([&] {
    pid_t child = 0;
    if (posix_spawnp(&child, words[0], nullptr, nullptr, words, environ) != 0) return;
    waitpid(child, &status, 0);
  });
  return {{"ms", ms}, {"peak_kib", peak_kib(RUSAGE_CHILDREN)}, {"code", WEXITSTATUS(status)}};
}

/// As large as the server's answer.
std::string token_text(std::size_t person) {
  return Json{{"token", "occ_0123456789abcdef0123456789abcdef"},
              {"id", "tok_" + std::to_string(person)},
              {"chat_url", "https://example.com/chat#token=occ_0123456789abcdef0123456789abcdef"}}
      .dump(2);
}

Json personal(const fs::path& cache_folder, const std::string& version, const fs::path& folder, int rounds,
              std::size_t count) {
  BundlePlan plan;
  plan.server_url = "https://example.com";
  plan.app = built_in_app();
  RuntimeCache cache(cache_folder);
  NoProgress progress;
  const auto runtime = cache.find(parse_version(version).value(), parse_platform("linux-x64"));
  fs::create_directories(folder);
  const SharedBundle shared(plan, cache, runtime.value(), folder / "shared.zip", folder / "scratch", progress,
                            {});
  const auto write = [&](std::size_t person) {
    fs::path file = folder / (std::to_string(person) + ".zip");
    shared.write({"person " + std::to_string(person), token_text(person)}, file);
    return file;
  };
  const fs::path original = write(1'000'000);
  Json result{{"zips", Json::array()}, {"copies", Json::array()}};
  for (int i = 0; i < rounds; ++i) {
    fs::path file;
    result["zips"].push_back(ms_of([&] { file = write(0); }));
    fs::remove(file);
    result["copies"].push_back(ms_of([&] { fs::copy_file(original, file); }));
    fs::remove(file);
  }
  const auto all_at_once = [&](const char* name, const std::function<void(std::size_t)>& work) {
    result[name].push_back(ms_of([&] { in_parallel(count, 0, {}, [&](std::size_t i, auto) { work(i); }); }));
    for (std::size_t i = 0; i < count; ++i) fs::remove(folder / (std::to_string(i) + ".zip"));
  };
  for (int i = 0; i < std::max(1, rounds / 6); ++i) {
    // A virtual machine's memory costs most when it is first used: copies go first.
    all_at_once("many_copies", [&](std::size_t person) {
      fs::copy_file(original, folder / (std::to_string(person) + ".zip"));
    });
    all_at_once("many_zips", write);
  }
  result["bytes"] = fs::file_size(original);
  result["peak_kib"] = peak_kib(RUSAGE_SELF);
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    Json result;
    if (words.size() >= 2 && words[0] == "run") {
      result = run(argv + 2);
    } else if (words.size() == 6 && words[0] == "personal") {
      result = personal(words[1], words[2], words[3], std::stoi(words[4]), std::stoul(words[5]));
    } else {
      std::fputs("usage: bench_bundle run WORD… | personal CACHE VERSION FOLDER ROUNDS COUNT\n", stderr);
      return 2;
    }
    std::printf("%s\n", result.dump().c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_bundle: %s\n", error.what());
    return 1;
  }
}
