#!/bin/sh
# SPDX-License-Identifier: MIT
# documents.sh FOLDER VERSION COMMAND…: what a package brings beside the executable, most of it made by it: man pages,
# completions, opencat.toml. COMMAND starts the executable, by an emulator if need be. The time of all is
# SOURCE_DATE_EPOCH.
set -eu
folder=$1 version=$2
shift 2
here=$(dirname "$0")
rm -rf "$folder"
mkdir -p "$folder/man" "$folder/completions"

"$@" manual opencat.toml >"$folder/opencat.toml"
for shell in bash zsh fish; do "$@" completions "$shell" >"$folder/completions/$shell"; done

page() {
  # -n: no name and no time in it, so that the same page is the same file.
  "$@" | gzip -9n >"$folder/man/$name.1.gz"
}
name=opencat
page "$@" manual opencat
"$@" --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p' | while read -r command; do
  name=opencat-$command
  page "$@" manual "$command"
done

{
  cat "$here/copyright"
  sed -n '/^Permission/,$p' "$here/../../LICENSE" | sed 's/^$/./; s/^/ /'
} >"$folder/copyright"
{
  printf 'opencat (%s) stable; urgency=medium\n\n  * See CHANGELOG or the git history of this version.\n\n' "$version"
  printf ' -- The OpenCat developers <opencat@users.noreply.github.com>  %s\n' \
    "$(LC_ALL=C date -u -d "@$SOURCE_DATE_EPOCH" '+%a, %d %b %Y %H:%M:%S +0000')"
} | gzip -9n >"$folder/changelog.gz"
