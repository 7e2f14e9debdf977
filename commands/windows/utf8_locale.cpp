// SPDX-License-Identifier: MIT
#include "commands/utf8_locale.hpp"

#include <cstdio>
#include <initializer_list>

#include <fcntl.h>
#include <io.h>

#include "opencat/windows/api.hpp"

namespace opencat {

// The manifest makes UTF-8 this process's code page; what is left are the console and the C library's line
// ends.
void use_utf8_locale() {
  SetConsoleOutputCP(CP_UTF8);
  for (const DWORD which : {STD_OUTPUT_HANDLE, STD_ERROR_HANDLE}) {
    const HANDLE console = GetStdHandle(which);
    DWORD mode = 0;
    if (GetConsoleMode(console, &mode)) SetConsoleMode(console, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
  }
  _setmode(_fileno(stdout), _O_BINARY);
  _setmode(_fileno(stderr), _O_BINARY);
}

}  // namespace opencat
