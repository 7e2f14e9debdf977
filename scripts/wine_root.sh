# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A Debian 13 with Wine 10 in build/wine-root, for tests/pcs: Debian 12's Wine 8 cannot connect from Node (it lacks
# TCP_KEEPIDLE). Sourced by ./dev, behind debian_root.sh.

ensure_wine_root() {
  local root=$PWD/build/wine-root
  [ -f "$root/ready" ] && return
  say "making a Debian 13 with Wine in build/wine-root, once: about 1.5 GB"
  bootstrap wine-root trixie
  # In a mount namespace of its own: whatever happens, nothing stays mounted here.
  # shellcheck disable=SC2016  # expanded by the inner shell
  quietly build/wine-install.log as_root unshare --mount --pid --fork --kill-child sh -ec '
    mount -t proc proc "$1/proc"
    printf "#!/bin/sh\nexit 101\n" >"$1/usr/sbin/policy-rc.d"
    chmod +x "$1/usr/sbin/policy-rc.d"
    export DEBIAN_FRONTEND=noninteractive
    chroot "$1" apt-get install -y -qq --no-install-recommends wine wine64
    chroot "$1" apt-get clean
  ' sh "$root"
  as_root touch "$root/ready"
}
