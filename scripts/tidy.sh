#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# clang-tidy over all sources of a build folder, two at a time. A file that passed is not checked again until it, a
# header, or the checks change: the whole tree takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1
stamps=$folder/tidy
mkdir -p "$stamps"

everything=$(git ls-files -co --exclude-standard .clang-tidy '*.hpp' | sort | xargs cat | sha256sum | cut -c1-16)
export folder stamps everything

check() {
  local source=$1 stamp
  stamp=$stamps/$(printf '%s %s' "$everything" "$(sha256sum <"$source")" | sha256sum | cut -c1-32)
  [ -f "$stamp" ] && return
  clang-tidy --quiet -p "$folder" "$source" 2>/dev/null && touch "$stamp"
}
export -f check
git ls-files -co --exclude-standard '*.cpp' | xargs -P 2 -I{} bash -c 'check {}'
