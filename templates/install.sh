#!/bin/sh
# SPDX-License-Identifier: MIT
# The door on Linux and macOS: finds the Node that came with the bundle and lets setup.mjs do the rest.
# Plain POSIX sh, for dash and busybox too. When Node cannot start, the reason is told in words a person can act on.

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 1
node=$here/tools/node/bin/node
arguments=$#

# A terminal that was opened for this script alone ("Run in Terminal" after a double click) closes with it and takes
# the words away. Such a script leads its session (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html);
# one that was typed into a shell does not. macOS leaves its window open.
window_would_close() {
  [ "$arguments" -eq 0 ] && [ -z "$OPENCAT_NO_PAUSE" ] && [ -t 0 ] && [ -t 2 ] && [ -r "/proc/$$/stat" ] || return 1
  read -r stat <"/proc/$$/stat"
  stat=${stat##*) }
  stat=${stat#* * * }
  [ "${stat%% *}" = "$$" ]
}

leave() {
  if [ "$1" -ne 0 ] && window_would_close; then
    printf '\n%s' 'Press Enter to close this window. 按回车键关闭窗口。' >&2
    read -r _
  fi
  exit "$1"
}

# Both languages: a system too old or too small to run Node may well have no locale set.
stop() {
  printf '%s\n%s\n' "$1" "$2" >&2
  leave 1
}

# A word as a shell takes it, whatever is in it.
quoted() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }

glibc_too_old() {
  stop "This Linux is too old: it has glibc${1:- of before}, and Node needs 2.28 or newer (Debian 10, Ubuntu 20.04, RHEL 8 and later)." \
    "此 Linux 版本太旧: glibc 为${1:-旧版}，而 Node 需要 2.28 或更新版本（Debian 10、Ubuntu 20.04、RHEL 8 及以上）。"
}

# Node's own demands: https://github.com/nodejs/node/blob/v22.x/BUILDING.md#platform-list
on_linux() {
  glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null)
  case $glibc in
    'glibc '*) ;;
    *)
      # Without its loader a program is "not found", though it is there.
      case "$(ldd --version 2>&1)|$1" in
        *musl*'|'* | *"|"*"$node: not found"* | *"|"*"$node: No such file"* | *"o such file or directory: $node"* | *'|'*'required file not found'* | *'|'*relocating*)
          stop 'This Linux has no glibc (Alpine, for one, uses musl); the Node in this bundle needs glibc 2.28 or newer. Use another PC, or a container with Debian or Ubuntu.' \
            '此 Linux 没有 glibc（如 Alpine 使用 musl）；安装包中的 Node 需要 glibc 2.28 或更新版本。请换一台电脑，或使用 Debian、Ubuntu 容器。' ;;
        *"|"*GLIBC_*) glibc_too_old '' ;;
        *) return ;;
      esac ;;
  esac
  glibc=${glibc#glibc }
  major=${glibc%%.*}
  minor=${glibc#*.}
  minor=${minor%%[!0-9]*}
  case $major$minor in '' | *[!0-9]*) return ;; esac
  if [ "$major" -lt 2 ] || { [ "$major" -eq 2 ] && [ "$minor" -lt 28 ]; }; then
    glibc_too_old " $glibc"
  fi
}

on_macos() {
  version=$(sw_vers -productVersion 2>/dev/null)
  major=${version%%.*}
  case $major in '' | *[!0-9]*) major=13 ;; esac
  if [ "$major" -lt 11 ]; then
    stop "macOS $version is too old: Node needs macOS 11 or newer." "macOS $version 版本太旧: Node 需要 macOS 11 或更新版本。"
  fi
  xattr -p com.apple.quarantine "$node" >/dev/null 2>&1 || return 0
  if [ "$major" -ge 13 ]; then
    settings='System Settings > Privacy & Security'
    settings_zh='系统设置 > 隐私与安全性'
  else
    settings='System Preferences > Security & Privacy > General'
    settings_zh='系统偏好设置 > 安全性与隐私 > 通用'
  fi
  line="xattr -dr com.apple.quarantine $(quoted "$here")"
  stop "macOS holds this folder in quarantine, for it was downloaded. Open $settings, choose Open Anyway where it names node, and start again. Or run in Terminal:  $line" \
    "macOS 隔离了此文件夹，因为它是下载的。请打开 ${settings_zh}，在提到 node 处点 [仍要打开]，然后重新开始。或在 Terminal（终端）中运行:  $line"
}

explain() {
  case $1 in
    *GLIBCXX_* | *CXXABI_*) ;;
    *libstdc++* | *libgcc_s*)
      stop 'The library libstdc++ is missing. Install it (Debian and Ubuntu: libstdc++6, Fedora: libstdc++) and start again.' \
        '缺少 libstdc++ 库。请安装（Debian、Ubuntu: libstdc++6，Fedora: libstdc++）后重新开始。' ;;
    # busybox takes what it cannot start for a script.
    *'xec format error'* | *'annot execute binary file'* | *'ad CPU type'* | *ELF*'not found'* | *'ELF file'* | *'yntax error'*)
      stop "This bundle is for another kind of processor than this PC's ($(uname -m)). Get the right one." \
        "此安装包不适用于这台电脑的处理器（$(uname -m)）。请下载正确的安装包。" ;;
  esac
  case $(uname -s) in
    Linux) on_linux "$1" ;;
    Darwin) on_macos ;;
  esac
  case $1 in
    *GLIBCXX_* | *CXXABI_*)
      stop 'The library libstdc++ is too old: Node needs that of GCC 8 or newer. Update this Linux and start again.' \
        'libstdc++ 库太旧: Node 需要 GCC 8 或更新版本的 libstdc++。请更新系统后重新开始。' ;;
    *'ermission denied'*)
      stop "This folder does not allow programs to run (mounted noexec, or not yours). Move it to your home folder: $here" \
        "此文件夹不允许运行程序（noexec 挂载，或不属于您）。请移到您的主目录: $here" ;;
  esac
  stop "Node cannot start here: ${1:-it was ended at once}" "Node 无法在此启动: ${1:-启动后立即被终止}"
}

case $here in
  */AppTranslocation/*)
    stop 'macOS runs this from a temporary copy. Move the whole folder elsewhere (for instance to your home folder) in the Finder, then open install.command there.' \
      'macOS 正在从临时副本运行。请在“访达”中把整个文件夹移到别处（例如用户主目录），再从那里打开 install.command。' ;;
esac
if [ ! -f "$node" ] || [ ! -f "$here/setup.mjs" ]; then
  stop 'Files are missing beside this script. Extract the whole zip, then start install.sh from the extracted folder.' \
    '此脚本旁缺少文件。请解压整个压缩包，再从解压后的文件夹运行 install.sh。'
fi
# Some programs that unzip lose the execute bit.
[ -x "$node" ] || chmod u+x "$node" 2>/dev/null
# In the C locale, so that explain() knows the words.
problem=$(LC_ALL=C; export LC_ALL; { "$node" --version >/dev/null; } 2>&1) || explain "$problem"

# Only when told to, Node's fetch uses HTTPS_PROXY and HTTP_PROXY, and Node the certificates that this PC trusts.
NODE_USE_ENV_PROXY=${NODE_USE_ENV_PROXY:-1}
NODE_USE_SYSTEM_CA=${NODE_USE_SYSTEM_CA:-1}
export NODE_USE_ENV_PROXY NODE_USE_SYSTEM_CA
window_would_close || exec "$node" "$here/setup.mjs" "$@"
"$node" "$here/setup.mjs" "$@"
leave $?
