// SPDX-License-Identifier: MIT
// Nothing of this is known here: a server is stopped and started.
#include "commands/succession.hpp"

#include "opencat/error.hpp"

namespace opencat {

Inheritance inheritance(const Environment&) { return {}; }

void tell_predecessor(const Inheritance&, Handover) {}

std::filesystem::path running_program() { return {}; }

Successor start_successor(const ProgramStart&, const ServerSockets&, const std::stop_token&) {
  throw Error(ErrorKind::failed, "a running server cannot be replaced on this system; restart it");
}

void notify_manager(const Environment&, const std::string&) {}

bool is_first_process() { return false; }

}  // namespace opencat
