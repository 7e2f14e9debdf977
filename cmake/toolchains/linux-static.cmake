# SPDX-License-Identifier: MIT
# One static executable for any Linux of a CPU: linux-x64.cmake and linux-arm64.cmake set OPENCAT_TRIPLE and include
# this. The libraries are those scripts/release_libs.sh puts into one folder; nothing else is looked at.
#
# glibc, not musl: Debian has no C++ library for musl, and building one is building GCC. What a static glibc cannot do
# is load name service and character set modules; libcurl therefore asks DNS itself (c-ares), libpq what glibc has built
# in (commands/static_linux), and names are UTF-8.
get_filename_component(OPENCAT_ROOT "${CMAKE_CURRENT_LIST_DIR}/../../build/release-libs/${OPENCAT_TARGET}/root" ABSOLUTE)
set(OPENCAT_STATIC_GLIBC ON)
set(CMAKE_C_COMPILER ${OPENCAT_TRIPLE}-gcc)
set(CMAKE_CXX_COMPILER ${OPENCAT_TRIPLE}-g++)
set(CMAKE_ASM_COMPILER ${OPENCAT_TRIPLE}-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE ${OPENCAT_TRIPLE})

set(CMAKE_FIND_ROOT_PATH ${OPENCAT_ROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
foreach(what LIBRARY INCLUDE PACKAGE)
  set(CMAKE_FIND_ROOT_PATH_MODE_${what} ONLY)
endforeach()
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${OPENCAT_ROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${OPENCAT_ROOT}/usr/lib/${OPENCAT_TRIPLE}/pkgconfig:${OPENCAT_ROOT}/usr/share/pkgconfig)

set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# No folder of this machine ends up in the file.
get_filename_component(OPENCAT_LIBS "${OPENCAT_ROOT}" DIRECTORY)
foreach(language C CXX)
  set(CMAKE_${language}_FLAGS_INIT "-isystem ${OPENCAT_ROOT}/usr/include/${OPENCAT_TRIPLE} -ffunction-sections -fdata-sections -ffile-prefix-map=${OPENCAT_LIBS}=.")
endforeach()
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static-pie -Wl,--gc-sections -L${OPENCAT_ROOT}/usr/lib/${OPENCAT_TRIPLE}")
