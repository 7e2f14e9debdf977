#!/bin/sh
# SPDX-License-Identifier: MIT
# The door on macOS for a double click in the Finder, which opens it in Terminal.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 1
case $here in
  */AppTranslocation/*)
    printf '%s\n%s\n' \
      'macOS runs this from a temporary copy. Move the whole folder elsewhere (for instance to your home folder) in the Finder, then open install.command there.' \
      'macOS 正在从临时副本运行。请在“访达”中把整个文件夹移到别处（例如用户主目录），再从那里打开 install.command。' >&2
    exit 1 ;;
esac
exec sh "$here/install.sh" "$@"
