# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# ./dev release all: everything that a release publishes, in build/releases. Sourced by ./dev, behind deb.sh.
# The same commit gives the same bytes wherever it is built with the same versions of Debian's packages: all times are the
# commit's, all owners root, all lists sorted. ./dev reproducible proves it.

opencat_version() { sed -nE 's/^project\(opencat VERSION ([0-9.]+) .*/\1/p' CMakeLists.txt; }

# All that a person unpacks, in FOLDER.
gather_archive() {
  local target=$1 folder=$2 documents=build/release-$1/documents ending=''
  [[ $target == win-* ]] && ending=.exe
  rm -rf "$folder"
  mkdir -p "$folder/docs"
  cp "build/releases/opencat-$target$ending" "$folder/opencat$ending"
  cp LICENSE README.md README.zh-CN.md CHANGELOG.md CHANGELOG.zh-CN.md "$folder/"
  cp docs/*.md "$folder/docs/"
  cp -r "build/release-$target/licences" "$folder/licences"
  if [[ $target == linux-* ]]; then cp -r "$documents"/{man,completions,opencat.toml} "$folder/"; fi
  chmod -R u=rwX,go=rX "$folder"
  chmod 755 "$folder/opencat$ending"
  find "$folder" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
}

pack_archive() {
  local target=$1 name packed
  name=opencat-$(opencat_version)-$target
  gather_archive "$target" "build/release-$target/archive/$name"
  if [[ $target == win-* ]]; then
    packed=$PWD/build/releases/$name.zip
    rm -f "$packed"
    (cd "build/release-$target/archive" && find "$name" | LC_ALL=C sort | TZ=UTC zip -q -X -9 -@ "$packed")
  else
    packed=build/releases/$name.tar.gz
    tar --create --directory="build/release-$target/archive" --sort=name --format=ustar --owner=0 --group=0 --numeric-owner \
      --mtime="@$SOURCE_DATE_EPOCH" "$name" | gzip -9n >"$packed"
  fi
}

# release_one TARGET: its executable, its .deb where there is one, its archive and its SBOM.
release_one() {
  local target=$1
  if [ -n "${deb_architecture[$target]:-}" ]; then deb "$target"; else release "$target"; fi
  say "packing the archive for $target"
  pack_archive "$target"
}

release_all() {
  local targets=${*:-$release_targets} target
  ensure_packages release_all
  ensure_npm tools
  [ -z "$(git status --porcelain)" ] || say "not all is committed: what is made here is no commit's"
  SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
  export SOURCE_DATE_EPOCH
  rm -f build/releases/{opencat[-_]*,SHA256SUMS}
  for target in $targets; do release_one "$target"; done
  say "build/releases/SHA256SUMS"
  (cd build/releases && LC_ALL=C && sha256sum -- opencat[-_]* >SHA256SUMS && cat SHA256SUMS)
}

# ./dev reproducible TARGETS…: builds the commit once more, in a folder of another name and with nothing of this one's,
# and compares all bytes with what ./dev release all has left in build/releases.
reproducible() {
  local targets=${*:-$release_targets} again=build/reproducible/once-more status=0 file
  [ -z "$(git status --porcelain)" ] || fail "not all is committed: what was built here cannot be built again"
  rm -rf "$again"
  mkdir -p "$again"
  git archive HEAD | tar -x -C "$again"
  say "building once more in $again, without ccache: this takes as long as the first time ever"
  # shellcheck disable=SC2086  # a list of words
  (cd "$again" && git init -q && CCACHE_DISABLE=1 CCACHE_BASEDIR="" SOURCE_DATE_EPOCH=$(git -C ../../.. log -1 --format=%ct) \
    ./dev release all $targets) >build/reproducible.log 2>&1 || { tail -n 30 build/reproducible.log >&2 && fail "see build/reproducible.log"; }
  for file in "$again"/build/releases/opencat[-_]*; do
    if cmp "build/releases/${file##*/}" "$file"; then say "the same bytes: ${file##*/}"; else status=1; fi
  done
  return $status
}
