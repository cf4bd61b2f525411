#!/bin/sh
# bootstrap.sh - installs what a build needs on Debian 12 or 13; later runs only check it.
#
#   cmake/bootstrap.sh [web] [native] [tests]      (default: web native)
#
#   web     Emscripten in .toolchain/, library sources in .deps/, header libraries
#   native  compiler and libraries for the desktop program and the command line, sources in .deps/
#   tests   web and native, plus sanitizers, ccache, the tools of tests/run.sh lint, a virtual
#           screen, browsers and fonts
#
# An emcc on PATH that is new enough is used. Otherwise the prebuilt Emscripten of Debian's stable
# suite is unpacked (not installed) next to the running release's clang. Only missing packages are
# installed, as root or with sudo; everything else stays inside this folder. Packages come from the
# mirror that apt already uses. On other systems, put emcc on PATH (emsdk); CMake then downloads the
# pinned tags of the libraries.
set -eu

cd "$(dirname "$0")/.."
root=$(pwd)
tools=$root/.toolchain
deps=$root/.deps
llvm=19               # the LLVM version that the Emscripten below was built for
emscripten='3.1.69*'  # from the stable suite `trixie`, whose version does not change
oldest_emcc=3.1.58    # threads without a separate .worker.js

say() { echo "bootstrap: $*" >&2; }
fail() { say "$*"; exit 1; }
installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q '^install ok'; }
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }
emcc_version() { "$1" --version 2>/dev/null | sed -n '1s/^emcc .* \([0-9][0-9.]*\)[- (].*/\1/p'; }

# packages NAME...: installs those that are missing.
packages() {
  missing=
  for p in "$@"; do installed "$p" || missing="$missing $p"; done
  [ -n "$missing" ] || return 0
  command -v apt-get >/dev/null || fail "apt-get not found; install the equivalents of:$missing"
  say "apt-get install$missing"
  as_root=
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "root or sudo is required for: apt-get install$missing"
    as_root=sudo
  fi
  $as_root apt-get update -qq
  # shellcheck disable=SC2086
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    -o DPkg::Lock::Timeout=600 $missing >/dev/null
}

# open_suite TYPE SUITE, then suite_get: apt-get for one suite, with separate state in $apt.
open_suite() {
  apt=$tools/apt-$2
  sources=$apt/suite.sources
  keys=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -e "$keys" ] || fail "$keys is missing (package debian-archive-keyring)"
  rm -rf "$apt"
  mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$apt/got"
  : >"$apt/status"
  # shellcheck source=/dev/null
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  # shellcheck disable=SC2016  # the dollars are apt-get's
  mirror=$(apt-get indextargets --format '$(SITE) $(ORIGIN) $(CODENAME)' 'Created-By: Packages' |
    awk -v codename="$codename" '$2 == "Debian" && $3 == codename { print $1; exit }')
  [ -n "$mirror" ] || fail "apt has no Debian mirror (run apt-get update, or put emcc on PATH)"
  printf 'Types: %s\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
    "$1" "$mirror" "$2" "$keys" >"$sources"
  suite_get update
}
suite_get() {
  apt-get -qq -o Dir::State="$apt/state" -o Dir::State::status="$apt/status" \
    -o Dir::Cache="$apt/cache" -o Dir::Etc::SourceList=/dev/null \
    -o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::sourcelist="$sources" \
    -o APT::Sandbox::User="$(id -un)" "$@"
}

# source_of NAME SUITE DEBIAN_SOURCE PROBE: unpacks the upstream source of a package to .deps/NAME.
# Only the upstream archive is fetched: a mirror may lack Debian's newest changes for hours.
source_of() {
  [ -e "$deps/$1/$4" ] && return 0
  start=$(date +%s)
  open_suite deb-src "$2"
  (
    cd "$apt/got"
    suite_get source --download-only --tar-only "$3"
    for archive in ./*.orig.tar.*; do
      case $archive in *.asc) ;; *) tar -xf "$archive" && break ;; esac
    done
  )
  mkdir -p "$deps"
  rm -rf "${deps:?}/$1"
  mv "$apt"/got/*/ "$deps/$1"
  rm -rf "$apt"
  [ -e "$deps/$1/$4" ] || fail "source package $3 of $2 has no $4"
  say "$1 from $2, $(du -sh "$deps/$1" | cut -f 1), $(($(date +%s) - start)) s"
}

# binaryen's programs need a newer C library than Debian 12 has: where they do not start directly,
# they run with the loader and libraries of their own suite.
binaryen_programs() {
  mkdir -p "$1/binaryen/bin"
  cat >"$1/binaryen/bin/.run" <<'RUN'
#!/bin/sh
here=${0%/*}
name=${0##*/}
suite=$here/../../usr
if "$suite/bin/$name" --version >/dev/null 2>&1; then exec "$suite/bin/$name" "$@"; fi
for loader in "$suite"/lib64/ld-linux-*.so.* "$suite"/lib/ld-linux-*.so.*; do
  [ -e "$loader" ] && break
done
exec "$loader" --library-path "$(echo "$suite"/lib/*-linux-gnu)" "$suite/bin/$name" "$@"
RUN
  chmod +x "$1/binaryen/bin/.run"
  for program in "$1"/usr/bin/wasm*; do ln -s .run "$1/binaryen/bin/${program##*/}"; done
}

# The toolchain counts as ready only if a program with a thread builds and runs.
prove_emcc() {
  proof=$(mktemp -d)
  cat >"$proof/t.cpp" <<'CPP'
#include <cstdio>
#include <thread>
int main() {
  int n = 1;
  std::thread([&] { n = 42; }).join();
  std::printf("%d\n", n);
}
CPP
  "$tools/emscripten/em++" -O1 -pthread -sPTHREAD_POOL_SIZE=1 "$proof/t.cpp" -o "$proof/t.js"
  answer=$(node "$proof/t.js")
  rm -rf "$proof"
  [ "$answer" = 42 ] || fail "programs built by emcc do not run (got '$answer')"
}

# Creates .toolchain/emscripten, a link to the folder of emcc.
emscripten_toolchain() {
  mkdir -p "$tools"
  if own=$(command -v emcc); then
    version=$(emcc_version "$own")
    if [ -n "$version" ] && at_least "$oldest_emcc" "$version"; then
      ln -sfn "$(dirname "$(readlink -f "$own")")" "$tools/emscripten"
      say "using emcc $version on PATH"
      return 0
    fi
    say "emcc ${version:-?} on PATH is older than $oldest_emcc and is not used"
  fi
  packages "clang-$llvm" "lld-$llvm" "llvm-$llvm" node-acorn
  if [ ! -e "$tools/em/usr/share/emscripten/emcc" ]; then
    start=$(date +%s)
    unpack_emscripten
    configure_emscripten
    prove_emcc
    say "emcc $(emcc_version "$tools/emscripten/emcc"), $(du -sh "$tools" | cut -f 1)," \
      "$(($(date +%s) - start)) s"
  else
    configure_emscripten  # this folder or node may have moved
  fi
}

# Unpacks to a temporary folder and renames it to .toolchain/em, so that a failure leaves no partial
# toolchain. Of the 1.6 GB of libraries, only the plain and threaded wasm32 ones are unpacked.
unpack_emscripten() {
  open_suite deb trixie
  (cd "$apt/got" &&
    suite_get download "emscripten=$emscripten" binaryen libc6 libstdc++6 libgcc-s1)
  new=$tools/new
  rm -rf "$new"
  mkdir -p "$new"
  for package in "$apt"/got/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$new" \
      --exclude='*/wasm32-emscripten/lto*' --exclude='*/wasm32-emscripten/pic' --exclude='*-ww*.a' \
      --exclude='*/wasm32-emscripten/*asan*' --exclude='*/share/doc' --exclude='*/share/man' \
      --exclude='*/emscripten/test' --exclude='*/share/locale'
  done
  binaryen_programs "$new"
  mkdir -p "$new/usr/share/emscripten/node_modules"
  ln -s /usr/share/nodejs/acorn "$new/usr/share/emscripten/node_modules/acorn"
  rm -rf "$tools/em" "$apt"
  mv "$new" "$tools/em"
}

# Settings beside emcc are found without EM_CONFIG. Without CACHE, all system libraries would be
# rebuilt in the home folder; FROZEN_CACHE stays unset so that other variants can be built.
configure_emscripten() {
  settings=$tools/em/usr/share/emscripten/.emscripten
  cat >"$settings.new" <<CONFIG
LLVM_ROOT = '/usr/lib/llvm-$llvm/bin'
BINARYEN_ROOT = '$tools/em/binaryen'
NODE_JS = '$(command -v node)'
CACHE = '$tools/em/usr/share/emscripten/cache'
CONFIG
  if cmp -s "$settings.new" "$settings"; then
    rm "$settings.new"
  else
    mv "$settings.new" "$settings"
  fi
  ln -sfn em/usr/share/emscripten "$tools/emscripten"
}

want_headers() {
  packages cmake ninja-build python3 ca-certificates git xz-utils \
    libeigen3-dev nlohmann-json3-dev libcli11-dev doctest-dev libstb-dev
  source_of imgui forky imgui imgui.h
  source_of utf8proc bookworm utf8proc utf8proc.c
  source_of pcre2 trixie pcre2 src/pcre2_match.c
}

want_web() {
  want_headers
  command -v node >/dev/null || packages nodejs
  packages brotli
  source_of sdl2 trixie libsdl2 include/SDL.h
  source_of zlib trixie zlib inflate.c
  emscripten_toolchain
}

want_native() {
  want_headers
  packages g++ libsdl2-dev zlib1g-dev libminizip-dev libfreetype-dev libfontconfig-dev libgl-dev
}

want_tests() {
  want_web
  want_native
  packages "clang-$llvm" "lld-$llvm" "llvm-$llvm" "libclang-rt-$llvm-dev" \
    "clang-format-$llvm" "clang-tidy-$llvm" shellcheck flake8 ccache \
    xvfb xauth chromium firefox-esr fonts-noto-cjk fonts-dejavu-core
  command -v npm >/dev/null || packages npm
}

[ $# -gt 0 ] || set -- web native
for wanted in "$@"; do
  case $wanted in
    web | native | tests) ;;
    *) fail "unknown target '$wanted'; choose from: web, native, tests" ;;
  esac
done
for wanted in "$@"; do "want_$wanted"; done
