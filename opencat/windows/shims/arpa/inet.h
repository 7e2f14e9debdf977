// SPDX-License-Identifier: MIT
// POSIX's header for inet_pton() and inet_ntop(), which Windows has in another.
#pragma once

#include <winsock2.h>
#include <ws2tcpip.h>
