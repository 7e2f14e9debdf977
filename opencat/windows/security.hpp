// SPDX-License-Identifier: MIT
#pragma once

#include "opencat/windows/api.hpp"

namespace opencat::windows {

/// Its owner, the system and the administrators, whatever the folder above says; in a folder, all that is
/// made there.
inline constexpr wchar_t owner_alone[] = L"D:P(A;OICI;FA;;;OW)(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";

class SecurityDescriptor {
 public:
  explicit SecurityDescriptor(const wchar_t* text) {
    ConvertStringSecurityDescriptorToSecurityDescriptorW(text, SDDL_REVISION_1, &value_, nullptr);
  }
  SecurityDescriptor(const SecurityDescriptor&) = delete;
  SecurityDescriptor& operator=(const SecurityDescriptor&) = delete;
  ~SecurityDescriptor() { LocalFree(value_); }

  PSECURITY_DESCRIPTOR get() const { return value_; }
  PACL list() const {
    BOOL there = FALSE;
    BOOL defaulted = FALSE;
    PACL list = nullptr;
    GetSecurityDescriptorDacl(value_, &there, &list, &defaulted);
    return list;
  }

 private:
  PSECURITY_DESCRIPTOR value_ = nullptr;
};

}  // namespace opencat::windows
