// SPDX-License-Identifier: MIT
#include "commands/succession.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <map>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "opencat/error.hpp"
#include "opencat/sockets.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace fs = std::filesystem;

namespace {

/// Tells one opencat what the one before hands over: "listener=7 lock=9 predecessor=11".
const char* const handover_variable = "OPENCAT_HANDOVER";
const std::array systemd_variables = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"};
constexpr int first_of_systemd = 3;
/// To read settings and open a database, of which a big one takes its time.
constexpr std::chrono::minutes patience{2};

int number_of(const std::string& text) {
  try {
    return std::stoi(text);
  } catch (const std::exception&) {
    return -1;
  }
}

void keep_from_children(int descriptor) {
  if (descriptor >= 0) ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

void check_listener(int descriptor, const char* name) {
  if (descriptor < 0 || sockets::listens_at(descriptor)) return;
  throw Error(ErrorKind::usage, std::string("the socket '") + name +
                                    "' that came with the start does not listen on TCP; give ListenStream= "
                                    "of its unit an address and a port");
}

Inheritance of_predecessor(const std::string& told) {
  Inheritance from;
  const std::map<std::string, int*> places{{"listener", &from.sockets.listener},
                                           {"ops", &from.sockets.ops},
                                           {"lock", &from.sockets.lock},
                                           {"predecessor", &from.predecessor}};
  for (const std::string& item : split(told, ' ')) {
    const std::size_t equals = item.find('=');
    const auto place = equals == std::string::npos ? places.end() : places.find(item.substr(0, equals));
    if (place != places.end()) *place->second = number_of(item.substr(equals + 1));
  }
  return from;
}

Inheritance of_systemd(const Environment& environment) {
  Inheritance from;
  if (number_of(environment.get("LISTEN_PID").value_or("")) != ::getpid()) return from;
  const int count = number_of(environment.get("LISTEN_FDS").value_or(""));
  const auto names = split(environment.get("LISTEN_FDNAMES").value_or(""), ':');
  for (int i = 0; i < count; ++i) {
    const std::string name =
        static_cast<std::size_t>(i) < names.size() ? names.at(static_cast<std::size_t>(i)) : "";
    int& place = name == "ops" ? from.sockets.ops : from.sockets.listener;
    if (place >= 0) {
      throw Error(ErrorKind::usage,
                  "systemd handed more sockets over than opencat serves: one, and one more "
                  "with FileDescriptorName=ops");
    }
    place = first_of_systemd + i;
  }
  return from;
}

/// Another number for the descriptor, which children inherit; closed here at the end.
class Lent {
 public:
  explicit Lent(int descriptor) : number_(descriptor < 0 ? -1 : ::fcntl(descriptor, F_DUPFD, 10)) {}
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
  ~Lent() {
    if (number_ >= 0) ::close(number_);
  }
  std::string as(const char* name) const {
    return number_ < 0 ? std::string() : std::string(name) + "=" + std::to_string(number_) + " ";
  }

 private:
  int number_;
};

std::vector<char*> c_array(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

pid_t spawn(const ProgramStart& program, const std::string& handover) {
  std::vector<std::string> words{program.file.string()};
  words.insert(words.end(), program.words.begin(), program.words.end());
  Environment environment = program.environment;
  environment.set(handover_variable, handover);
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment.all()) {
    if (std::find(systemd_variables.begin(), systemd_variables.end(), name) == systemd_variables.end())
      variables.emplace_back(name).append("=").append(value);
  }
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  const int problem = ::posix_spawn(&child, program.file.c_str(), nullptr, &attributes, c_array(words).data(),
                                    c_array(variables).data());
  posix_spawnattr_destroy(&attributes);
  if (problem == 0) return child;
  errno = problem;
  throw system_error("cannot start " + program.file.string());
}

/// The line that the successor writes; empty when it ended, or said nothing in time.
std::string hear(int socket, const std::stop_token& stop) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::string line;
  while (!line.ends_with('\n') && std::chrono::steady_clock::now() < deadline && !stop.stop_requested()) {
    pollfd waiting{socket, POLLIN, 0};
    if (::poll(&waiting, 1, 200) <= 0) continue;
    std::array<char, 32> buffer{};
    const ssize_t count = ::read(socket, buffer.data(), buffer.size());
    if (count <= 0) return {};
    line.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return line;
}

}  // namespace

Inheritance inheritance(const Environment& environment) {
  const auto told = environment.get(handover_variable);
  Inheritance from = told ? of_predecessor(*told) : of_systemd(environment);
  for (const int descriptor : {from.sockets.listener, from.sockets.ops, from.sockets.lock, from.predecessor})
    keep_from_children(descriptor);
  check_listener(from.sockets.listener, "listener");
  check_listener(from.sockets.ops, "ops");
  return from;
}

void tell_predecessor(const Inheritance& from, Handover how) {
  if (from.predecessor < 0) return;
  // It may be gone, and then nobody need hear it.
  sockets::send(from.predecessor, how == Handover::beside ? "beside\n" : "after\n");
  if (how == Handover::beside) return;
  char ignored = 0;
  while (::read(from.predecessor, &ignored, 1) > 0 || errno == EINTR) {
    errno = 0;
  }
}

fs::path running_program() {
  std::error_code absent;
  return fs::read_symlink("/proc/self/exe", absent);
}

Successor start_successor(const ProgramStart& program, const ServerSockets& sockets,
                          const std::stop_token& stop) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0)
    throw system_error("cannot make a socket for the next opencat");
  for (const int end : ends) keep_from_children(end);
  const int ours = ends[0];
  pid_t child = 0;
  try {
    const Lent listener(sockets.listener);
    const Lent ops(sockets.ops);
    const Lent lock(sockets.lock);
    const Lent theirs(ends[1]);
    child =
        spawn(program, listener.as("listener") + ops.as("ops") + lock.as("lock") + theirs.as("predecessor"));
  } catch (...) {
    ::close(ours);
    ::close(ends[1]);
    throw;
  }
  ::close(ends[1]);
  const std::string line = hear(ours, stop);
  if (line != "beside\n" && line != "after\n") {
    ::close(ours);
    ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    throw Error(ErrorKind::failed, "the next " + program.file.string() + " did not come to serve");
  }
  // With `after`, the end of this process is what closes it, and what the successor waits for.
  if (line == "beside\n") ::close(ours);
  return {child, line == "beside\n" ? Handover::beside : Handover::after};
}

void notify_manager(const Environment& environment, const std::string& state) {
  const auto place = environment.get("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (!place || place->size() >= sizeof address.sun_path) return;
  std::copy(place->begin(), place->end(), std::begin(address.sun_path));
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + place->size());
  // Nobody could do anything about it if that failed.
  ::sendto(socket, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
           size);
  ::close(socket);
}

bool is_first_process() { return ::getpid() == 1; }

}  // namespace opencat
