# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What this project takes from Debian, and how a script makes sure that it is there. Sourced by ./dev.

# One group per purpose, so that a build does not install what only tests need.
# shellcheck disable=SC2034  # used through indirect expansion
{
  packages_build='g++ cmake ninja-build ccache pkg-config libcli11-dev libdeflate-dev libarchive-dev libcpp-httplib-dev
    libsqlitecpp-dev libsqlite3-dev nlohmann-json3-dev libcurl4-openssl-dev libssl-dev libfmt-dev libtomlplusplus-dev
    libmimalloc-dev zlib1g-dev libbrotli-dev librnp-dev libpqxx-dev ca-certificates'
  packages_run='unzip'
  packages_test='catch2 unzip zip 7zip libarchive-tools python3 xz-utils sqlite3 chromium busybox-static dash mksh zsh fish procps curl util-linux openssl gpg gpg-agent minisign nginx haproxy caddy prometheus
    systemd postgresql'
  packages_release='dpkg-dev make patch'
  packages_release_linux_x64='libc6-dev'
  packages_release_linux_arm64='g++-aarch64-linux-gnu qemu-user-static'
  packages_release_win_x64='g++-mingw-w64-x86-64-posix'
  packages_release_all='zip gzip tar git'
  packages_deb='file binutils gzip git'
  packages_root='debootstrap util-linux'
  packages_fuzz='clang libclang-rt-dev'
  packages_lint='clang-format clang-tidy shellcheck'
}

# apt_sources EXTENSION…: what apt's files say of where packages come from; "sources" and "list" are its two notations.
apt_sources() {
  local extension
  for extension in "$@"; do
    find /etc/apt/sources.list /etc/apt/sources.list.d -type f -name "*.$extension" -exec cat {} + 2>/dev/null || true
  done
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "installing packages needs root or sudo; as root, run: $*"
  fi
}

# without_services COMMAND…: as root; what it installs is not started, though Debian starts web servers at once.
without_services() {
  # shellcheck disable=SC2016  # the shell within reads it
  as_root sh -c 'policy=/usr/sbin/policy-rc.d
    if [ -d "${policy%/*}" ] && [ ! -e "$policy" ]; then
      trap "rm -f $policy" EXIT
      printf "#!/bin/sh\nexit 101\n" >"$policy" && chmod 755 "$policy"
    fi
    "$@"' sh "$@"
}

# One question for all of them: dpkg takes its time for each. It exits 1 if it has never heard of one, which is no failure.
installed_of() { { dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null || true; } | sed -n 's/^ii *//p'; }
is_installed() { [ -n "$(installed_of "$1")" ]; }

# ensure_packages GROUP…: installs what is missing of the groups and says so; says nothing when all is there.
ensure_packages() {
  command -v dpkg-query >/dev/null || fail "this script installs Debian packages; elsewhere, install what README.md names"
  local group package wanted=() missing=()
  for group in "$@"; do
    group="packages_$group"
    for package in ${!group}; do wanted+=("$package"); done
  done
  local installed
  installed=" $(installed_of "${wanted[@]}" | tr '\n' ' ') "
  for package in "${wanted[@]}"; do
    [[ $installed == *" $package "* ]] || missing+=("$package")
  done
  # Node may come from elsewhere than Debian; what counts are its commands.
  if ! command -v node >/dev/null; then missing+=(nodejs); fi
  if ! command -v npm >/dev/null; then missing+=(npm); fi
  [ ${#missing[@]} -eq 0 ] && return
  say "installing from Debian: ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  without_services env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# ensure_npm FOLDER: `npm ci` there unless its lock is already installed.
ensure_npm() {
  local folder=$1 stamp="$1/node_modules/.installed"
  [ -f "$stamp" ] && cmp -s "$stamp" "$folder/package-lock.json" && return
  say "installing from npm: what $folder/package-lock.json names"
  (cd "$folder" && npm ci --no-audit --no-fund --loglevel=error >/dev/null)
  cp "$folder/package-lock.json" "$stamp"
}
