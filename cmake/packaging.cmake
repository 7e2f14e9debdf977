# SPDX-License-Identifier: MIT
# The .deb, by CPack: `./dev deb TARGET`. What it brings beside the executable is in packaging/ or made by the executable.
set(OPENCAT_DOCUMENTS ${CMAKE_BINARY_DIR}/documents)
add_custom_target(documents
  COMMAND ${CMAKE_SOURCE_DIR}/packaging/deb/documents.sh ${OPENCAT_DOCUMENTS} ${PROJECT_VERSION}
    ${OPENCAT_EMULATOR} $<TARGET_FILE:opencat>
  DEPENDS opencat VERBATIM)

set(doc usr/share/doc/opencat)
install(TARGETS opencat RUNTIME DESTINATION usr/bin)
install(DIRECTORY ${OPENCAT_DOCUMENTS}/man/ DESTINATION usr/share/man/man1)
install(FILES ${OPENCAT_DOCUMENTS}/completions/bash DESTINATION usr/share/bash-completion/completions RENAME opencat)
install(FILES ${OPENCAT_DOCUMENTS}/completions/zsh DESTINATION usr/share/zsh/vendor-completions RENAME _opencat)
install(FILES ${OPENCAT_DOCUMENTS}/completions/fish DESTINATION usr/share/fish/vendor_completions.d RENAME opencat.fish)
install(FILES ${OPENCAT_DOCUMENTS}/opencat.toml DESTINATION etc/opencat)
install(FILES packaging/systemd/opencat.service packaging/systemd/opencat.socket DESTINATION lib/systemd/system)
install(FILES packaging/proxies/nginx.conf packaging/proxies/haproxy.cfg packaging/proxies/Caddyfile
  DESTINATION ${doc}/examples)
install(FILES packaging/deb/lintian-overrides DESTINATION usr/share/lintian/overrides RENAME opencat)
# Of the libraries in the executable, as scripts/release_parts.mjs gathered them.
install(DIRECTORY ${CMAKE_BINARY_DIR}/licences DESTINATION ${doc})
install(FILES ${OPENCAT_DOCUMENTS}/copyright ${OPENCAT_DOCUMENTS}/changelog.gz DESTINATION ${doc})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME opencat)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The OpenCat developers <opencat@users.noreply.github.com>")
set(CPACK_PACKAGING_INSTALL_PREFIX /)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE ${OPENCAT_DEB_ARCHITECTURE})
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "ca-certificates, init-system-helpers (>= 1.52)")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "nginx | haproxy | caddy")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${CMAKE_SOURCE_DIR}/packaging/deb/postinst ${CMAKE_SOURCE_DIR}/packaging/deb/prerm
  ${CMAKE_SOURCE_DIR}/packaging/deb/postrm ${CMAKE_SOURCE_DIR}/packaging/deb/conffiles)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "AI chat for people who have nothing installed
A server that issues tokens, relays chat to language models with an
OpenAI-compatible API, counts what is used and serves a chat page and an admin
page; and a tool that makes zips with which people install a chat client on
Windows, macOS and Linux without an administrator.

One static executable, the same that is released by itself.")
include(CPack)
