// SPDX-License-Identifier: MIT
#include "opencat/process.hpp"

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace {

/// The arguments or the environment in the form that exec wants; valid while `texts` is unchanged.
std::vector<char*> c_array(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

struct FileActions {
  posix_spawn_file_actions_t value;
  FileActions() { posix_spawn_file_actions_init(&value); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { posix_spawn_file_actions_destroy(&value); }
};

struct Attributes {
  posix_spawnattr_t value;
  Attributes() { posix_spawnattr_init(&value); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { posix_spawnattr_destroy(&value); }

  /// main() blocks signals in every thread and ignores SIGPIPE; a child must have neither. A group of its own
  /// makes it possible to end what the child started, too.
  void set_up() {
    sigset_t none;
    sigemptyset(&none);
    sigset_t defaults;
    sigemptyset(&defaults);
    for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGUSR1}) sigaddset(&defaults, number);
    posix_spawnattr_setsigmask(&value, &none);
    posix_spawnattr_setsigdefault(&value, &defaults);
    posix_spawnattr_setpgroup(&value, 0);
    posix_spawnattr_setflags(&value, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
};

/// Both ends of a pipe; -1 once closed.
struct Pipe {
  int read_end = -1;
  int write_end = -1;
  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_end(read_end);
    close_end(write_end);
  }
  void open() {
    int ends[2];
    if (::pipe(ends) != 0) throw system_error("cannot make a pipe");
    for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
    read_end = ends[0];
    write_end = ends[1];
  }
  static void close_end(int& end) {
    if (end >= 0) ::close(end);
    end = -1;
  }
};

pid_t spawn(const ProcessRequest& request, const Pipe& pipe) {
  FileActions actions;
  posix_spawn_file_actions_addopen(&actions.value, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (request.standard_output == ProcessRequest::Stdout::capture) {
    posix_spawn_file_actions_adddup2(&actions.value, pipe.write_end, STDOUT_FILENO);
  } else if (request.standard_output == ProcessRequest::Stdout::to_stderr) {
    posix_spawn_file_actions_adddup2(&actions.value, STDERR_FILENO, STDOUT_FILENO);
  }
  if (request.standard_error == ProcessRequest::Stderr::discard) {
    posix_spawn_file_actions_addopen(&actions.value, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  }
  if (!request.folder.empty()) {
    posix_spawn_file_actions_addchdir_np(&actions.value, request.folder.c_str());
  }
  Attributes attributes;
  attributes.set_up();

  std::vector<std::string> words = request.words;
  std::vector<std::string> variables;
  for (const auto& [name, value] : request.environment.all()) {
    variables.emplace_back(name).append("=").append(value);
  }
  pid_t child = 0;
  const int problem = ::posix_spawnp(&child, words.at(0).c_str(), &actions.value, &attributes.value,
                                     c_array(words).data(), c_array(variables).data());
  if (problem != 0) {
    errno = problem;
    throw system_error("cannot start " + request.words.at(0));
  }
  return child;
}

std::string read_all(int descriptor) {
  std::string bytes;
  char buffer[1 << 14];
  for (;;) {
    const ssize_t count = ::read(descriptor, buffer, sizeof buffer);
    if (count > 0) bytes.append(buffer, static_cast<std::size_t>(count));
    if (count == 0 || (count < 0 && errno != EINTR)) return bytes;
  }
}

/// Ends the child's group when `stop` is requested. Lives no longer than the child is unreaped, so that its
/// number cannot have become another's.
class Watcher {
 public:
  Watcher(pid_t child, std::stop_token stop)
      : thread_([this, child, stop](std::stop_token ended) { watch(child, stop, ended); }) {}

 private:
  void watch(pid_t child, const std::stop_token& stop, const std::stop_token& ended) {
    // Before the lock: a callback of a stop that is requested already runs here and now, and wants it too.
    const std::stop_callback wake(stop, [this] {
      const std::lock_guard guard(mutex_);
      changed_.notify_all();
    });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, ended, [&] { return stop.stop_requested(); });
    if (ended.stop_requested() || !stop.stop_requested()) return;
    ::kill(-child, SIGTERM);
    changed_.wait_for(lock, ended, std::chrono::seconds(5), [] { return false; });
    if (!ended.stop_requested()) ::kill(-child, SIGKILL);
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::jthread thread_;
};

}  // namespace

ProcessResult run_process(const ProcessRequest& request, std::stop_token stop) {
  if (stop.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted");
  const bool capture = request.standard_output == ProcessRequest::Stdout::capture;
  Pipe pipe;
  if (capture) pipe.open();
  const pid_t child = spawn(request, pipe);
  ProcessResult result;
  {
    const Watcher watcher(child, stop);
    Pipe::close_end(pipe.write_end);
    if (capture) result.output = read_all(pipe.read_end);
    siginfo_t ignored{};
    while (::waitid(P_PID, static_cast<id_t>(child), &ignored, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
    }
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (stop.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted");
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace opencat
