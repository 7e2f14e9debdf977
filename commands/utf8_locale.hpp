// SPDX-License-Identifier: MIT
#pragma once

namespace opencat {

/// Has this process see characters as UTF-8, whatever the user's locale: libarchive shows no name without.
/// Where the system has no C.UTF-8 (old or small ones), a release brings its own. Before any thread starts.
void use_utf8_locale();

}  // namespace opencat
