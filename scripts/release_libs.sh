# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The static libraries of a release, in one folder that looks like a Debian of its own:
# build/release-libs/TARGET/root. Sourced by scripts/release.sh.
#
# Most are Debian's own static libraries, unpacked from its packages for the target's CPU. What Debian builds with more
# than we need (curl and libpq, whose static libraries want Kerberos and LDAP) or ships without a static library is built from
# Debian's source package; so is nearly all of win-x64 (scripts/release_libs_windows.sh). apt checks every package's signature; it works in a folder of its own with the machine's
# own Debian sources, so that neither the machine's package lists nor its architectures change.

# shellcheck source=scripts/release_libs_windows.sh
. scripts/release_libs_windows.sh

# Static libraries taken as they are, and libc-bin for the locale C.UTF-8.
release_packages_linux='zlib1g-dev libbz2-dev liblzma-dev libzstd-dev liblz4-dev nettle-dev libgmp-dev libacl1-dev libattr1-dev
  libarchive-dev libssl-dev libsqlite3-dev libsqlitecpp-dev libjson-c-dev libbotan-2-dev libdeflate-dev libc-ares-dev
  nlohmann-json3-dev libcli11-dev libtomlplusplus-dev libpqxx-dev libc-bin libbz2-1.0'
# Source packages, each built by build_linux_NAME.
release_sources_linux='fmtlib mimalloc cpp-httplib curl rnp postgresql-15'
# And win-x64's, the sources in the order in which they want each other.
release_packages_windows='libz-mingw-w64-dev nlohmann-json3-dev libcli11-dev libtomlplusplus-dev'
release_sources_windows='xz-utils bzip2 json-c libdeflate sqlitecpp fmtlib libarchive curl openssl cpp-httplib rnp'

# Everything that says what the folder holds: another recipe is another folder's content.
libs_recipe() {
  local parts=(scripts/release_libs.sh cmake/toolchains/linux-static.cmake)
  [[ $1 == win-* ]] && parts=(scripts/release_libs.sh scripts/release_libs_windows.sh)
  cat "${parts[@]}" "cmake/toolchains/$1.cmake" | sha256sum | cut -d' ' -f1
}

have_libs() { [ "$(cat "build/release-libs/$1/recipe" 2>/dev/null)" = "$(libs_recipe "$1")" ]; }

# Writes an apt.conf for the CPU whose sources are this machine's Debian ones, source packages included.
prepare_apt() {
  local cpu=$1 folder=$2 codename
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  mkdir -p "$folder"/{sources.d,state/lists/partial,cache/archives/partial}
  : >"$folder/status"
  # Both of apt's notations; repositories of other people are left out.
  apt_sources sources |
    awk -v suite="^Suites: *$codename" 'BEGIN { RS = ""; ORS = "\n\n" } {
      count = split($0, lines, "\n"); keep = 0
      for (i = 1; i <= count; i++) if (lines[i] ~ suite) keep = 1
      gsub(/Types: *deb[^\n]*/, "Types: deb deb-src")
      if (keep) print }' >"$folder/sources.d/debian.sources"
  apt_sources list |
    sed -nE "s/^deb (.* $codename(-[a-z]+)? .*)/deb \1\ndeb-src \1/p" >"$folder/sources.d/debian.list"
  cat >"$folder/apt.conf" <<TEXT
APT::Architecture "$cpu";
APT::Architectures { "$cpu"; };
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$folder/sources.d";
Dir::State "$folder/state";
Dir::State::status "$folder/status";
Dir::Cache "$folder/cache";
TEXT
}

# fetch_source NAME: the newest version that can be had, unpacked as NAME/tree. A mirror may be without one that its list
# has; which one it came to be, the file versions says.
fetch_source() {
  local name=$1 version
  mkdir -p "$name"
  cd "$name" || return
  for version in $(apt-cache showsrc --only-source "$name" | sed -n 's/^Version: //p' | sort -urV); do
    if apt-get source --download-only --only-source "$name=$version"; then
      dpkg-source --no-check -x "${name}_${version#*:}.dsc" tree
      return
    fi
    printf '%s %s cannot be had: taking the one before\n' "$name" "$version"
  done
  return 1
}

# Fetches and unpacks the packages into ROOT, and the sources into SOURCES/NAME.
fetch_libs() {
  local folder=$1 root=$2 sources=$3 packages=$4 names=$5 package name
  export APT_CONFIG="$folder/apt/apt.conf"
  mkdir -p "$folder/debs" "$root" "$sources"
  quietly "$folder/apt.log" apt-get update
  # shellcheck disable=SC2086  # a list of words
  (cd "$folder/debs" && quietly "$folder/debs.log" apt-get download $packages)
  for package in "$folder"/debs/*.deb; do dpkg-deb -x "$package" "$root"; done
  # With the shared ones away, each linker finds the static one.
  find "$root" -name '*.so' -delete
  # toml++ as headers alone: its CMake package knows how, but has it settled that there is a shared library.
  sed -i 's/if (True)/if (False)/' "$root"/usr/lib/*/cmake/tomlplusplus/tomlplusplusConfig.cmake
  for name in $names; do
    (cd "$sources" && quietly "$folder/source-$name.log" fetch_source "$name")
    grep ' cannot be had' "$folder/source-$name.log" >&2 || true
    # What its authors ask to be told goes with each release (scripts/release_parts.mjs).
    install -Dm644 "$sources/$name/tree/debian/copyright" "$root/usr/share/doc/$name/copyright"
    dpkg-parsechangelog -l "$sources/$name/tree/debian/changelog" -S Version | sed "s/^/$name /"
  done >"$folder/versions"
  unset APT_CONFIG
  (cd "$folder/debs" && printf '%s\n' ./*.deb | sed 's,^\./,,') >>"$folder/versions"
}

# cmake_library NAME OPTIONS…: configures, builds and installs a source package into the root.
cmake_library() {
  local name=$1
  shift
  quietly "$folder/cmake-$name.log" cmake -S "$sources/$name/tree" -B "$sources/$name/build" -G Ninja \
    --toolchain "$toolchain" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr \
    -DCMAKE_INSTALL_LIBDIR="$libdir" -DBUILD_SHARED_LIBS=OFF -DBUILD_TESTING=OFF "$@"
}
ninja_install() {
  quietly "$folder/build-$1.log" cmake --build "$sources/$1/build" --parallel "$(nproc)"
  DESTDIR="$root" quietly "$folder/install-$1.log" cmake --install "$sources/$1/build"
}

build_linux_fmtlib() { cmake_library fmtlib -DFMT_DOC=OFF -DFMT_TEST=OFF && ninja_install fmtlib; }
build_linux_mimalloc() {
  cmake_library mimalloc -DMI_BUILD_SHARED=OFF -DMI_BUILD_OBJECT=OFF -DMI_BUILD_TESTS=OFF -DMI_INSTALL_TOPLEVEL=ON
  ninja_install mimalloc
}
# As one header; its clients' compression we do not use.
build_linux_cpp-httplib() {
  cmake_library cpp-httplib -DHTTPLIB_COMPILE=OFF -DHTTPLIB_REQUIRE_OPENSSL=ON -DHTTPLIB_USE_ZLIB_IF_AVAILABLE=OFF \
    -DHTTPLIB_USE_BROTLI_IF_AVAILABLE=OFF
  ninja_install cpp-httplib
}
# HTTP alone. The CA file is only the first place to look at: opencat/ca_file knows the others.
build_linux_curl() {
  cmake_library curl -DHTTP_ONLY=ON -DBUILD_CURL_EXE=OFF -DENABLE_ARES=ON -DCURL_USE_OPENSSL=ON -DCURL_USE_LIBSSH2=OFF \
    -DCURL_USE_LIBPSL=OFF -DUSE_LIBIDN2=OFF -DUSE_NGHTTP2=OFF -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF -DENABLE_MANUAL=OFF \
    -DCURL_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt -DCURL_CA_PATH=none
  ninja_install curl
}
# The library without its programs. Debian's patch takes the version from the environment.
build_linux_rnp() {
  DEB_VERSION=$(sed -n 's/^rnp //p' "$folder/versions") SOURCE_DATE_EPOCH=0 \
    cmake_library rnp -DCRYPTO_BACKEND=botan -DENABLE_DOC=OFF
  quietly "$folder/build-rnp.log" cmake --build "$sources/rnp/build" --parallel "$(nproc)" --target librnp
  mkdir -p "$root/usr/include/rnp"
  find "$sources/rnp/tree/include/rnp" "$sources/rnp/build" -name 'rnp*.h' -exec cp {} "$root/usr/include/rnp/" \;
  cp "$sources/rnp/build/src/lib/librnp.a" "$root/usr/lib/$triple/"
  cat >"$root/usr/lib/$triple/pkgconfig/librnp.pc" <<TEXT
Name: librnp
Description: OpenPGP
Version: 0
Libs: -L/usr/lib/$triple -lrnp
Cflags: -I/usr/include
TEXT
}

# libpq alone, with TLS and SCRAM, as libpqxx wants it. What it takes from PostgreSQL's own libraries is of those made for
# shared libraries: they never end the process.
build_linux_postgresql-15() {
  local tree=$sources/postgresql-15/tree name
  (cd "$tree" &&
    quietly "$folder/configure-postgresql-15.log" env CC="$triple-gcc" AR="$triple-ar" \
      CFLAGS="-O2 -fPIC -ffunction-sections -fdata-sections -ffile-prefix-map=$sources=." \
      CPPFLAGS="-I$root/usr/include -I$root/usr/include/$triple" LDFLAGS="-L$root/usr/lib/$triple" \
      LIBS='-ldl -pthread' ./configure "--host=$triple" --prefix=/usr --includedir=/usr/include/postgresql \
      --sysconfdir=/etc/postgresql-common --with-system-tzdata=/usr/share/zoneinfo --with-ssl=openssl --without-gssapi \
      --without-ldap --without-readline --without-zlib &&
    quietly "$folder/build-postgresql-15.log" make -j"$(nproc)" -C src/interfaces/libpq all-static-lib &&
    DESTDIR="$root" quietly "$folder/install-postgresql-15.log" make -C src/include install)
  cp "$tree/src/interfaces/libpq"/libpq-{fe,events}.h "$root/usr/include/postgresql/"
  cp "$tree/src/interfaces/libpq/libpq.a" "$root/usr/lib/$triple/"
  for name in common port; do cp "$tree/src/$name/libpg${name}_shlib.a" "$root/usr/lib/$triple/libpg$name.a"; done
}

arrange_libs_linux() { :; }

# make_libs TARGET CPU TRIPLE: whole or not at all, which the file 'recipe', written last, says.
make_libs() {
  local target=$1 cpu=$2 triple=$3
  local folder=$PWD/build/release-libs/$target
  local root=$folder/root sources=$folder/sources toolchain=$PWD/cmake/toolchains/$target.cmake name
  local system=linux libdir=lib/$triple packages=$release_packages_linux names=$release_sources_linux
  if [[ $target == win-* ]]; then
    system=windows libdir=lib packages=$release_packages_windows names=$release_sources_windows
  fi
  if have_libs "$target"; then return; fi
  say "making the libraries for $target, once: this takes minutes"
  rm -rf "$folder"
  mkdir -p "$folder"
  prepare_apt "$cpu" "$folder/apt"
  fetch_libs "$folder" "$root" "$sources" "$packages" "$names"
  "arrange_libs_$system"
  for name in $names; do
    say "  $name"
    "build_${system}_$name"
  done
  rm -rf "$sources" "$folder/debs" "$folder/apt"
  libs_recipe "$target" >"$folder/recipe"
}
