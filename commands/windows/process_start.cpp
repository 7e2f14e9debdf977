// SPDX-License-Identifier: MIT
#include "commands/process_start.hpp"

#include "opencat/windows/api.hpp"
#include "opencat/windows/wide.hpp"

namespace opencat {

// main()'s own have lost what the PC's code page lacks.
std::vector<std::string> command_words(int, char**) {
  std::vector<std::string> words;
  int count = 0;
  wchar_t** all = CommandLineToArgvW(GetCommandLineW(), &count);
  for (int i = 1; i < count; ++i) words.push_back(windows::narrow(all[i]));
  LocalFree(static_cast<void*>(all));
  return words;
}

Environment process_environment() {
  std::map<std::string, std::string> values;
  wchar_t* const block = GetEnvironmentStringsW();
  for (const wchar_t* entry = block; entry != nullptr && *entry != L'\0';) {
    const std::wstring_view text(entry);
    entry += text.size() + 1;
    // cmd.exe keeps a folder per drive under names that begin with "=".
    const std::size_t equals = text.find(L'=', 1);
    if (equals == std::wstring_view::npos) continue;
    std::string name = windows::narrow(text.substr(0, equals));
    // Windows does not tell the case of names apart, and mostly writes "Path".
    if (CompareStringOrdinal(text.data(), static_cast<int>(equals), L"PATH", -1, TRUE) == CSTR_EQUAL)
      name = "PATH";
    values.emplace(std::move(name), windows::narrow(text.substr(equals + 1)));
  }
  FreeEnvironmentStringsW(block);
  return Environment(std::move(values));
}

}  // namespace opencat
