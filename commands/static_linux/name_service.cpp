// SPDX-License-Identifier: MIT
// In static releases alone (cmake/toolchains/linux-static.cmake). libpq asks glibc for names and users, which
// would load the modules that nsswitch.conf names: a static program can load none but those of the glibc it
// was built with. What glibc has built in, /etc/hosts and DNS, is asked instead, as libcurl does with c-ares.
#include <nss.h>

namespace opencat {

namespace {

/// Before main(), for the first question settles it.
struct NameService {
  NameService() {
    __nss_configure_lookup("hosts", "files dns");
    __nss_configure_lookup("passwd", "files");
  }
};
const NameService name_service;

}  // namespace

}  // namespace opencat
