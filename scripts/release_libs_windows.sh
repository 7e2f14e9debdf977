# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The static libraries of win-x64, from Debian's source packages by Debian's mingw-w64. Debian has but zlib ready made
# for it. Sourced by scripts/release_libs.sh, whose make_libs calls these.
# shellcheck disable=SC2154  # root, triple, folder and sources are make_libs's

# The packages' places in those that a compiler for Windows is told of.
arrange_libs_windows() {
  mkdir -p "$root/usr/lib/pkgconfig"
  cp -r "$root/usr/$triple/include" "$root/usr/"
  cp "$root/usr/$triple/lib/libz.a" "$root/usr/lib/"
  # Headers alone, whose CMake package counts the folders above it.
  mv "$root/usr/lib/x86_64-linux-gnu" "$root/usr/lib/$triple"
  rm -r "$root"/usr/*-w64-mingw32
}

# pkg_config_file NAME LIBRARIES: for a library whose build makes none, or none that fits.
pkg_config_file() {
  cat >"$root/usr/lib/pkgconfig/$1.pc" <<TEXT
Name: $1
Description: $1
Version: 0
Libs: -L/usr/lib $2
Cflags: -I/usr/include
TEXT
}

# It keeps its compiler's flags and the time in its bytes, so neither names a folder of this machine or this moment.
build_windows_openssl() {
  (cd "$sources/openssl/tree" &&
    quietly "$folder/configure-openssl.log" ./Configure mingw64 no-shared no-tests no-engine no-module \
      --prefix=/usr --libdir=lib --openssldir=/ssl "--cross-compile-prefix=$triple-" CC=gcc-posix -D_WIN32_WINNT=0x0A00 \
      -ffunction-sections -fdata-sections &&
    SOURCE_DATE_EPOCH=0 quietly "$folder/build-openssl.log" make -j"$(nproc)" build_libs &&
    quietly "$folder/install-openssl.log" make DESTDIR="$root" install_dev)
}

# HTTP alone, with Windows' own TLS: it knows the certificates that a company gave its PCs.
build_windows_curl() {
  cmake_library curl -DHTTP_ONLY=ON -DBUILD_CURL_EXE=OFF -DCURL_USE_SCHANNEL=ON -DCURL_USE_OPENSSL=OFF -DCURL_USE_LIBSSH2=OFF \
    -DCURL_USE_LIBPSL=OFF -DUSE_LIBIDN2=OFF -DUSE_WIN32_IDN=OFF -DUSE_NGHTTP2=OFF -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF \
    -DENABLE_MANUAL=OFF -DENABLE_UNICODE=ON
  ninja_install curl
}

# What a Node release comes in. Its question for zlib's old calling convention breaks CMake 3.25, so it gets the answer.
build_windows_libarchive() {
  local option options=()
  for option in TEST TAR CPIO CAT UNZIP BZip2 LZ4 ZSTD LIBB2 OPENSSL NETTLE MBEDTLS CNG LIBXML2 EXPAT PCREPOSIX LIBGCC ICONV ACL XATTR \
    WERROR; do
    options+=("-DENABLE_$option=OFF")
  done
  cmake_library libarchive "${options[@]}" -DENABLE_LZMA=ON -DENABLE_ZLIB=ON -DPOSIX_REGEX_LIB=NONE \
    -DZLIB_WINAPI=OFF "-DZLIB_WINAPI_WITH_LIB=$root/usr/lib/libz.a"
  quietly "$folder/build-libarchive.log" cmake --build "$sources/libarchive/build" --parallel "$(nproc)" --target archive_static
  cp "$sources/libarchive/tree/libarchive"/archive{,_entry}.h "$root/usr/include/"
  cp "$sources/libarchive/build/libarchive/"*.a "$root/usr/lib/libarchive.a"
}

build_windows_xz-utils() {
  cmake_library xz-utils
  ninja_install xz-utils
}

build_windows_bzip2() {
  quietly "$folder/build-bzip2.log" make -C "$sources/bzip2/tree" libbz2.a "CC=$triple-gcc-posix" "AR=$triple-ar" "RANLIB=$triple-ranlib"
  cp "$sources/bzip2/tree/bzlib.h" "$root/usr/include/"
  cp "$sources/bzip2/tree/libbz2.a" "$root/usr/lib/"
}

build_windows_json-c() {
  cmake_library json-c -DBUILD_APPS=OFF -DDISABLE_WERROR=ON -DBUILD_STATIC_LIBS=ON
  ninja_install json-c
}

# On OpenSSL, which is here anyway, instead of Botan. Its build asks OpenSSL what it can by running a program: this
# machine's own OpenSSL answers, which can the same.
build_windows_rnp() {
  sed -i 's/COMMAND "cmake" "\."/COMMAND env -u CC -u PKG_CONFIG_LIBDIR -u PKG_CONFIG_SYSROOT_DIR cmake ./' \
    "$sources/rnp/tree/cmake/Modules/FindOpenSSLFeatures.cmake"
  DEB_VERSION=$(sed -n 's/^rnp //p' "$folder/versions") SOURCE_DATE_EPOCH=0 \
    cmake_library rnp -DCRYPTO_BACKEND=openssl -DENABLE_DOC=OFF -DENABLE_SM2=OFF -DENABLE_AEAD=OFF -DENABLE_TWOFISH=OFF \
    -DENABLE_IDEA=OFF -DENABLE_BRAINPOOL=ON
  quietly "$folder/build-rnp.log" cmake --build "$sources/rnp/build" --parallel "$(nproc)" --target librnp
  mkdir -p "$root/usr/include/rnp"
  find "$sources/rnp/tree/include/rnp" "$sources/rnp/build" -name 'rnp*.h' -exec cp {} "$root/usr/include/rnp/" \;
  cp "$sources/rnp/build/src/lib/librnp.a" "$root/usr/lib/"
  pkg_config_file librnp -lrnp
}

build_windows_libdeflate() {
  quietly "$folder/build-libdeflate.log" make -C "$sources/libdeflate/tree" "CC=$triple-gcc-posix" "AR=$triple-ar" libdeflatestatic.lib
  cp "$sources/libdeflate/tree/libdeflate.h" "$root/usr/include/"
  cp "$sources/libdeflate/tree/libdeflatestatic.lib" "$root/usr/lib/libdeflate.a"
  pkg_config_file libdeflate -ldeflate
}

# With the SQLite that it carries.
build_windows_sqlitecpp() {
  cmake_library sqlitecpp -DSQLITECPP_RUN_CPPLINT=OFF -DSQLITECPP_RUN_CPPCHECK=OFF -DSQLITECPP_INTERNAL_SQLITE=ON \
    -DSQLITE_ENABLE_COLUMN_METADATA=ON -DSQLITE_OMIT_LOAD_EXTENSION=OFF -DSQLITECPP_USE_STACK_PROTECTION=OFF
  ninja_install sqlitecpp
}

build_windows_fmtlib() { build_linux_fmtlib; }
build_windows_cpp-httplib() { build_linux_cpp-httplib; }
