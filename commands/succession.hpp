// SPDX-License-Identifier: MIT
// How one `opencat serve` takes another's place while the door stays open: the old one starts the program
// anew and hands its sockets over; or systemd holds them. Linux only.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "opencat/environment.hpp"
#include "server/handover.hpp"

namespace opencat {

/// What came along with the start.
struct Inheritance {
  ServerSockets sockets;
  int predecessor = -1;  ///< a socket to the opencat whose place this one takes; -1: none
};

/// From the opencat before, or from systemd (sd_listen_fds(3); a second socket is named "ops"). Throws
/// Error(usage) for what is no listening TCP socket.
Inheritance inheritance(const Environment& environment);

/// Tells the predecessor, if there is one, how its place is taken. With `after` it returns when that is gone.
void tell_predecessor(const Inheritance& from, Handover how);

/// How this process was started, and would be again.
struct ProgramStart {
  std::filesystem::path file;
  std::vector<std::string> words;
  Environment environment;
};
/// Asked at the start, for later another file may stand there; empty where a successor cannot be started.
std::filesystem::path running_program();

struct Successor {
  int process = 0;
  Handover how = Handover::beside;
};
/// Starts the program as it is on the disk now, with these sockets, and waits until it says how it takes the
/// place. Throws Error when it ends or falls silent instead; then nothing is left of it.
Successor start_successor(const ProgramStart& program, const ServerSockets& sockets,
                          const std::stop_token& stop);

/// Tells systemd, if it started this process with Type=notify, how it goes: see sd_notify(3).
void notify_manager(const Environment& environment, const std::string& state);

/// Whether nothing would be left of a container if this process ended.
bool is_first_process();

}  // namespace opencat
