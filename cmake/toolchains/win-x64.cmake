# SPDX-License-Identifier: MIT
# One static executable for Windows 10 1903 and newer on x86-64, by Debian's mingw-w64 with POSIX threads, which
# libstdc++ wants for std::thread. The libraries are those scripts/release_libs_windows.sh puts into one folder.
set(OPENCAT_TARGET win-x64)
set(OPENCAT_TRIPLE x86_64-w64-mingw32)
get_filename_component(OPENCAT_ROOT "${CMAKE_CURRENT_LIST_DIR}/../../build/release-libs/${OPENCAT_TARGET}/root" ABSOLUTE)
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR AMD64)
set(CMAKE_C_COMPILER ${OPENCAT_TRIPLE}-gcc-posix)
set(CMAKE_CXX_COMPILER ${OPENCAT_TRIPLE}-g++-posix)
set(CMAKE_ASM_COMPILER ${OPENCAT_TRIPLE}-gcc-posix)
set(CMAKE_RC_COMPILER ${OPENCAT_TRIPLE}-windres)

set(CMAKE_LIBRARY_ARCHITECTURE ${OPENCAT_TRIPLE})

set(CMAKE_FIND_ROOT_PATH ${OPENCAT_ROOT}/usr)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
foreach(what LIBRARY INCLUDE PACKAGE)
  set(CMAKE_FIND_ROOT_PATH_MODE_${what} ONLY)
endforeach()
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${OPENCAT_ROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${OPENCAT_ROOT}/usr/lib/pkgconfig:${OPENCAT_ROOT}/usr/share/pkgconfig)

# No folder of this machine ends up in the file.
get_filename_component(OPENCAT_LIBS "${OPENCAT_ROOT}" DIRECTORY)
foreach(language C CXX)
  set(CMAKE_${language}_FLAGS_INIT "-D_WIN32_WINNT=0x0A00 -ffunction-sections -fdata-sections -ffile-prefix-map=${OPENCAT_LIBS}=.")
endforeach()
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static -Wl,--gc-sections -L${OPENCAT_ROOT}/usr/lib")
