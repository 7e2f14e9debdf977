#!/bin/sh
# SPDX-License-Identifier: MIT
# The door on Linux and macOS: finds the Node that came with the bundle and lets setup.mjs do the rest.
# Plain POSIX sh, for dash and busybox too. When Node cannot start, the reason is told in words a person can act on.

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 1
node=$here/tools/node/bin/node

# Both languages: a system too old or too small to run Node may well have no locale set.
stop() {
  printf '%s\n%s\n' "$1" "$2" >&2
  exit 1
}

on_linux() {
  for loader in /lib/ld-musl-*; do
    [ -e "$loader" ] && stop \
      'This Linux uses musl (Alpine and the like); the Node in this bundle needs glibc 2.28 or newer. Use another PC, or a container with Debian or Ubuntu.' \
      '此 Linux 使用 musl（如 Alpine）；安装包中的 Node 需要 glibc 2.28 或更新版本。请换一台电脑，或使用 Debian、Ubuntu 容器。'
  done
  glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null)
  glibc=${glibc#glibc }
  major=${glibc%%.*}
  minor=${glibc#*.}
  minor=${minor%%[!0-9]*}
  case $major$minor in '' | *[!0-9]*) return ;; esac
  if [ "$major" -lt 2 ] || { [ "$major" -eq 2 ] && [ "$minor" -lt 28 ]; }; then
    stop "This Linux is too old: it has glibc $glibc, and Node needs 2.28 or newer (Debian 10, Ubuntu 20.04, RHEL 8 and later)." \
      "此 Linux 版本太旧: glibc 为 $glibc，而 Node 需要 2.28 或更新版本（Debian 10、Ubuntu 20.04、RHEL 8 及以上）。"
  fi
}

on_macos() {
  if xattr -p com.apple.quarantine "$node" >/dev/null 2>&1; then
    stop "macOS has quarantined this folder. In Terminal, run:  xattr -dr com.apple.quarantine '$here'  and start again." \
      "macOS 隔离了此文件夹。请在 Terminal（终端）中运行:  xattr -dr com.apple.quarantine '$here'  然后重新开始。"
  fi
}

explain() {
  case $1 in
    *libstdc++*)
      stop 'The library libstdc++ is missing. Install it (Debian and Ubuntu: libstdc++6, Fedora: libstdc++) and start again.' \
        '缺少 libstdc++ 库。请安装（Debian、Ubuntu: libstdc++6，Fedora: libstdc++）后重新开始。' ;;
    *'xec format error'* | *'annot execute binary file'*)
      stop "This bundle is for another kind of processor than this PC's ($(uname -m)). Get the right one." \
        "此安装包不适用于这台电脑的处理器（$(uname -m)）。请下载正确的安装包。" ;;
  esac
  case $(uname -s) in
    Linux) on_linux ;;
    Darwin) on_macos ;;
  esac
  case $1 in
    *'ermission denied'*)
      stop "This folder does not allow programs to run (mounted noexec, or not yours). Move it to your home folder: $here" \
        "此文件夹不允许运行程序（noexec 挂载，或不属于您）。请移到您的主目录: $here" ;;
  esac
  stop "Node cannot start here: $1" "Node 无法在此启动: $1"
}

if [ ! -f "$node" ] || [ ! -f "$here/setup.mjs" ]; then
  stop 'Files are missing beside this script. Extract the whole zip, then start install.sh from the extracted folder.' \
    '此脚本旁缺少文件。请解压整个压缩包，再从解压后的文件夹运行 install.sh。'
fi
# Some programs that unzip lose the execute bit.
[ -x "$node" ] || chmod u+x "$node" 2>/dev/null
# In the C locale, so that explain() knows the words.
problem=$(LC_ALL=C; export LC_ALL; { "$node" --version >/dev/null; } 2>&1) || explain "$problem"

# Node's fetch uses HTTPS_PROXY and HTTP_PROXY only when told to.
NODE_USE_ENV_PROXY=${NODE_USE_ENV_PROXY:-1}
export NODE_USE_ENV_PROXY
exec "$node" "$here/setup.mjs" "$@"
