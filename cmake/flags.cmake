# SPDX-License-Identifier: MIT
# Warnings, hardening and sanitizers for every target.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual)
if(OPENCAT_WERROR)
  add_compile_options(-Werror)
endif()

if(OPENCAT_SANITIZE)
  add_compile_options(-fsanitize=${OPENCAT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${OPENCAT_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  # The same bytes whenever it is built.
  if(MINGW)
    add_link_options(-Wl,--no-insert-timestamp)
  endif()
endif()

set(CMAKE_POSITION_INDEPENDENT_CODE ON)
