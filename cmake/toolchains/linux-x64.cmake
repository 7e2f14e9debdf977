# SPDX-License-Identifier: MIT
set(OPENCAT_TARGET linux-x64)
set(OPENCAT_TRIPLE x86_64-linux-gnu)
include(${CMAKE_CURRENT_LIST_DIR}/linux-static.cmake)
