# SPDX-License-Identifier: MIT
set(OPENCAT_TARGET linux-arm64)
set(OPENCAT_TRIPLE aarch64-linux-gnu)
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
include(${CMAKE_CURRENT_LIST_DIR}/linux-static.cmake)
