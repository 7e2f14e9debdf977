// SPDX-License-Identifier: MIT
#include "opencat/process.hpp"

#include <csignal>
#include <thread>

#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "tests/catch.hpp"

using namespace opencat;

namespace {

ProcessRequest shell(const std::string& script) {
  ProcessRequest request;
  request.words = {"/bin/sh", "-c", script};
  request.environment = Environment({{"PATH", "/usr/bin:/bin"}, {"GIVEN", "你好"}});
  request.standard_output = ProcessRequest::Stdout::capture;
  return request;
}

}  // namespace

TEST_CASE("a process gets its arguments, environment and folder, and gives back its output and code") {
  ProcessRequest request = shell("echo \"$GIVEN $HOME\"; pwd; exit 7");
  request.folder = "/";
  const ProcessResult result = run_process(request);
  CHECK(result.output == "你好 \n/\n");
  CHECK(result.exit_code == 7);
  CHECK(run_process(shell("kill -TERM $$")).exit_code == 128 + SIGTERM);
  ProcessRequest missing = shell("");
  missing.words = {"/no/such/program"};
  CHECK_THROWS_AS(run_process(missing), Error);
}

TEST_CASE("a child has no signals blocked or ignored, though its parent has") {
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto pipe_before = std::signal(SIGPIPE, SIG_IGN);
  CHECK(run_process(shell("kill -TERM $$; sleep 30")).exit_code == 128 + SIGTERM);
  CHECK(run_process(shell("kill -PIPE $$; exit 1")).exit_code == 128 + SIGPIPE);
  std::signal(SIGPIPE, pipe_before);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_CASE("a stop ends the child and what it started") {
  const TemporaryFolder folder(std::filesystem::temp_directory_path(), "opencat-process-");
  const auto marker = folder.path() / "pid";
  std::stop_source stop;
  const std::jthread stopper([&] {
    while (!read_file_if_there(marker).value_or("").ends_with("\n")) std::this_thread::yield();
    stop.request_stop();
  });
  // The grandchild holds the pipe: reading ends only when it is gone, too, or after ctest has lost patience.
  CHECK_THROWS_AS(run_process(shell("sleep 900 & echo $! > " + marker.string() + "; wait"), stop.get_token()),
                  Error);
  CHECK_THROWS_AS(run_process(shell("true"), stop.get_token()), Error);
}
