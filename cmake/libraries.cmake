# SPDX-License-Identifier: MIT
# The libraries, as Debian 12 and 13 package them (pkg-config where there is no CMake package) or as vcpkg does.
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
find_package(LibArchive REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(SQLiteCpp REQUIRED)
find_package(tomlplusplus REQUIRED)
if(NOT OPENCAT_SANITIZE AND NOT WIN32)
  find_package(mimalloc REQUIRED)
endif()

find_package(PkgConfig QUIET)

# Debian 12's libdeflate has a pkg-config file only.
if(PkgConfig_FOUND)
  pkg_check_modules(LIBDEFLATE QUIET IMPORTED_TARGET libdeflate)
endif()
if(LIBDEFLATE_FOUND)
  add_library(opencat_libdeflate ALIAS PkgConfig::LIBDEFLATE)
else()
  find_package(libdeflate REQUIRED)
  add_library(opencat_libdeflate INTERFACE)
  target_link_libraries(opencat_libdeflate INTERFACE
    $<IF:$<TARGET_EXISTS:libdeflate::libdeflate_shared>,libdeflate::libdeflate_shared,libdeflate::libdeflate_static>)
endif()

# librnp's CMake package names the libraries below it, whose development packages a user of it does not need.
if(PkgConfig_FOUND)
  pkg_check_modules(LIBRNP QUIET IMPORTED_TARGET librnp)
endif()
if(LIBRNP_FOUND)
  add_library(rnp::rnp ALIAS PkgConfig::LIBRNP)
else()
  find_package(rnp REQUIRED)
  add_library(rnp::rnp ALIAS rnp::librnp)
endif()

# cpp-httplib's classes change their layout with these macros, so they must be those its library was built with.
add_library(opencat_httplib INTERFACE)
if(PkgConfig_FOUND)
  pkg_check_modules(HTTPLIB QUIET IMPORTED_TARGET cpp-httplib)
endif()
if(HTTPLIB_FOUND)
  target_link_libraries(opencat_httplib INTERFACE PkgConfig::HTTPLIB)
else()
  find_package(httplib REQUIRED)
  target_link_libraries(opencat_httplib INTERFACE httplib::httplib)
endif()
target_link_libraries(opencat_httplib INTERFACE OpenSSL::SSL OpenSSL::Crypto)

# The store that several servers share. Windows' does without: nothing there builds libpq.
if(PkgConfig_FOUND AND NOT WIN32)
  pkg_check_modules(LIBPQXX QUIET IMPORTED_TARGET libpqxx)
endif()
option(OPENCAT_POSTGRES "Build the PostgreSQL store, which wants libpqxx 6.4 or newer" ${LIBPQXX_FOUND})
if(OPENCAT_POSTGRES AND NOT LIBPQXX_FOUND)
  message(FATAL_ERROR "OPENCAT_POSTGRES wants libpqxx: install libpqxx-dev, or set it OFF")
endif()
