// SPDX-License-Identifier: MIT
// What passes between two servers, of which one takes the other's place.
#pragma once

namespace opencat {

/// Descriptors with which a server goes on where another process was, or is; -1: none.
struct ServerSockets {
  int listener = -1;  ///< listens already, instead of host and port
  int ops = -1;       ///< likewise for the probes
  int lock = -1;      ///< of the data folder, held
};

/// How another process takes the place of a server.
enum class Handover {
  beside,  ///< it accepts connections already, on the same data
  after    ///< it waits for this one to be gone
};

}  // namespace opencat
