# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The Debian package, and a Debian to prove it in. Sourced by ./dev, behind release.sh and debian_root.sh.

# ./dev deb TARGET: build/releases/opencat_VERSION_ARCHITECTURE.deb, with the executable of `./dev release TARGET`. The
# same sources give the same bytes: all times are the commit's.
deb() {
  local target=${1:-linux-x64} folder=build/release-${1:-linux-x64} made
  [ -n "${deb_architecture[$target]:-}" ] || fail "a .deb of what? One of: ${!deb_architecture[*]}"
  ensure_packages deb
  release "$target"
  say "packing the .deb for $target"
  export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
  quietly "build/documents-$target.log" cmake --build "$folder" --target documents
  rm -rf "$folder/packages"
  (umask 022 && quietly "build/cpack-$target.log" cpack --config "$folder/CPackConfig.cmake" -B "$folder/packages")
  made=$(basename "$folder"/packages/*.deb)
  mv "$folder/packages/$made" "build/releases/$made"
  (cd build/releases && sha256sum "$made")
}

# A bare Debian 12 in build/deb-root, for tests/packaging/deb.test.mjs, which works on copies of it.
ensure_deb_root() {
  local root=$PWD/build/deb-root
  [ -f "$root/ready" ] && return
  say "making a Debian 12 in build/deb-root, once: about 300 MB"
  bootstrap deb-root bookworm --include=ca-certificates
  as_root touch "$root/ready"
}
