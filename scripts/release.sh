# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# ./dev release TARGET: the executable as people download it, build/releases/opencat-TARGET. Sourced by ./dev.

# shellcheck source=scripts/release_libs.sh
. scripts/release_libs.sh

# What lies below the libraries that CMake links: static ones do not say what they want.
release_links='-lpqxx -lpq -lpgcommon -lpgport -lcurl -lcares -lssl -lcrypto -larchive -lnettle -lacl -lattr -llzma -lzstd -llz4 -lbz2 -lbotan-2 -ljson-c -lz'

release_links_windows='-lcurl -lssl -lcrypto -larchive -llzma -lbz2 -ljson-c -lz -lsecur32 -lcrypt32 -lbcrypt -lws2_32 -lssp'
release_links_windows+=' -lpsapi -lshell32 -luser32 -ladvapi32 -lkernel32'

release_targets='linux-x64 linux-arm64 win-x64'

declare -A deb_architecture=([linux-x64]=amd64 [linux-arm64]=arm64)

# What runs an executable of the target here, if this machine cannot.
emulator_of() {
  if [ "$1" = linux-arm64 ] && [ "$(dpkg --print-architecture)" != arm64 ]; then echo qemu-aarch64-static; fi
}

# release_parts TARGET EXECUTABLE: its SBOM beside it, and the licences of what is in it.
release_parts() {
  ensure_npm tools
  SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)} node scripts/release_parts.mjs "$1" "$(opencat_version)" \
    "$2" "build/release-$1/opencat.map" "build/releases/opencat-$(opencat_version)-$1.cdx.json" "build/release-$1/licences"
}

release() {
  local target=${1:-} cpu triple links=$release_links ending=''
  case $target in
    linux-x64) cpu=amd64 triple=x86_64-linux-gnu ;;
    linux-arm64) cpu=arm64 triple=aarch64-linux-gnu ;;
    win-x64) cpu=amd64 triple=x86_64-w64-mingw32 links=$release_links_windows ending=.exe ;;
    *) fail "release what? One of: $release_targets" ;;
  esac
  ensure_packages build release "release_${target//-/_}"
  build_web
  make_libs "$target" "$cpu" "$triple"
  local folder=build/release-$target locale='' postgres=OFF
  # Windows has the characters of all languages by itself, and no libpqxx.
  [[ $target == linux-* ]] && locale=$PWD/build/release-libs/$target/root/usr/lib/locale/C.utf8/LC_CTYPE postgres=ON
  say "building for $target"
  quietly "build/cmake-release-$target.log" cmake -S . -B "$folder" -G Ninja --toolchain "cmake/toolchains/$target.cmake" \
    -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF -DOPENCAT_WEB_DIR="$PWD/build/web" \
    -DOPENCAT_LOCALE="$locale" -DOPENCAT_POSTGRES=$postgres \
    -DOPENCAT_DEB_ARCHITECTURE="${deb_architecture[$target]:-}" -DOPENCAT_EMULATOR="$(emulator_of "$target")" \
    -DCMAKE_CXX_STANDARD_LIBRARIES="-Wl,--start-group $links -Wl,--end-group -Wl,-Map=opencat.map"
  cmake --build "$folder" --target opencat >"build/build-release-$target.log" 2>&1 ||
    { grep -E 'error|FAILED|ld:|undefined' -A5 "build/build-release-$target.log" >&2 &&
      fail "the build failed: see build/build-release-$target.log"; }
  mkdir -p build/releases
  "$triple-strip" -o "build/releases/.opencat-$target" "$folder/opencat$ending"
  mv "build/releases/.opencat-$target" "build/releases/opencat-$target$ending"
  (cd build/releases && sha256sum "opencat-$target$ending")
  release_parts "$target" "build/releases/opencat-$target$ending"
}

# The memory of an idle server (scripts/startup_order.mjs): cmake/startup.ld, from a build for this machine's own kind.
startup_order() {
  ensure_packages release_linux_arm64 # qemu, which runs this CPU's programs, too
  release linux-x64
  node scripts/startup_order.mjs build/release-linux-x64/opencat build/release-linux-x64/opencat.map >build/startup.ld
  mv build/startup.ld cmake/startup.ld
}
