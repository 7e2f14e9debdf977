// SPDX-License-Identifier: MIT
// The one place that includes Windows' own headers, which must come in this order.
#pragma once

// clang-format off
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <aclapi.h>
#include <psapi.h>
#include <sddl.h>
#include <shellapi.h>
// clang-format on
