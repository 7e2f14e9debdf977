// SPDX-License-Identifier: MIT
// Who may use a file, which POSIX says with its mode.
#include <io.h>

#include "opencat/descriptor.hpp"
#include "opencat/windows/api.hpp"
#include "opencat/windows/security.hpp"
#include "opencat/windows/wide.hpp"

namespace opencat::descriptor {

bool set_mode(int descriptor, unsigned mode) {
  // What is made has its folder's rights already.
  if ((mode & 077) != 0) return true;
  const HANDLE file = reinterpret_cast<HANDLE>(_get_osfhandle(descriptor));
  const windows::SecurityDescriptor wanted(windows::owner_alone);
  const SECURITY_INFORMATION what = DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION;
  const DWORD problem = SetSecurityInfo(file, SE_FILE_OBJECT, what, nullptr, nullptr, wanted.list(), nullptr);
  // FAT and what is shared by other systems have no such lists.
  if (problem == ERROR_SUCCESS || problem == ERROR_INVALID_FUNCTION || problem == ERROR_NOT_SUPPORTED)
    return true;
  SetLastError(problem);
  windows::last_error();
  return false;
}

bool is_private(const std::filesystem::path& file) {
  PSECURITY_DESCRIPTOR found = nullptr;
  std::wstring name = file.native();
  if (GetNamedSecurityInfoW(name.data(), SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, nullptr, nullptr, nullptr,
                            nullptr, &found) != ERROR_SUCCESS) {
    return false;
  }
  SECURITY_DESCRIPTOR_CONTROL control = 0;
  DWORD revision = 0;
  const bool told = GetSecurityDescriptorControl(found, &control, &revision) != 0;
  LocalFree(found);
  return told && (control & SE_DACL_PROTECTED) != 0;
}

}  // namespace opencat::descriptor
