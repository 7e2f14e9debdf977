# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A bare Debian in a folder, for tests that want another one than this machine's. Sourced by ./dev.

# The first mirror of Debian among this machine's sources.
debian_mirror() {
  apt_sources sources list | sed -nE 's/^URIs: *([^ ]+).*/\1/p; s/^deb (\[[^]]*\] )?([^ ]+) .*/\2/p' | grep -m1 -E '/debian/?$'
}

# bootstrap NAME SUITE OPTIONS…: build/NAME, made anew; its maker writes the file 'ready' when nothing more is missing.
bootstrap() {
  local root=$PWD/build/$1 mirror
  ensure_packages root
  mirror=$(debian_mirror) || fail "no mirror of Debian in /etc/apt"
  as_root rm -rf "$root"
  quietly "build/$1.log" as_root debootstrap --variant=minbase "${@:3}" "$2" "$root" "$mirror"
}
