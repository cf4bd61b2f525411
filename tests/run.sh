#!/usr/bin/env bash
# run.sh - installs what is missing, builds and runs the tests. The last line is
# "N passed, N failed[, N skipped]".
#
#   tests/run.sh [lint] [native] [asan] [tsan] [web] [web-mt] [serve] [browser]
#                                                                     (default: all)
#
# lint                formatting and static checks (tests/lint/run.py)
# native, asan, tsan  unit tests; native also runs the tests of the command line, and asan feeds
#                     every parser with random bytes for 15 s (tests/fuzz)
# web, web-mt         the same as WebAssembly under Node
# serve               serve.py and the assembly of the site
# browser             the page, in Chromium
#
# Each test program ends with a line "N passed, N failed"; it has failed if that line is missing or
# its exit code is not 0. The ten slowest steps are listed before the last line.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

all="lint native asan tsan web web-mt serve browser"
for part in "$@"; do
  [[ " $all " == *" $part "* ]] || { echo "run.sh: unknown part '$part'; use: $all" >&2; exit 2; }
done
parts=" ${*:-$all} "
passed=0 failed=0 skipped=0
failures=()
log=$(mktemp)

wants() { [[ $parts == *" $1 "* ]]; }

fails() {
  failed=$((failed + 1))
  failures+=("$1")
  echo "FAILED $1"
}

skips() {
  skipped=$((skipped + 1))
  echo "SKIPPED $1"
}

# Longer than any step takes on a slow machine; a step that hangs is stopped and fails.
readonly limit_s=2400

# Appends the duration of a step to $made/took: "SECONDS SECONDS TITLE", wall clock and CPU time.
made=$(mktemp -d)
TIMEFORMAT='%R %U %S'
took() {
  local real=0 user=0 sys=0
  read -r real user sys < <(tail -n 1 "$2")
  awk -v real="$real" -v user="$user" -v sys="$sys" -v title="$1" \
    'BEGIN { printf "%7.0f %7.0f  %s\n", real, user + sys, title }' >>"$made/took"
}
slowest() {
  [[ -e $made/took ]] || return
  echo "The ten slowest steps: wall-clock seconds, CPU seconds, step"
  sort -rn "$made/took" | head -n 10
}

# step TITLE COMMAND...: runs the command and shows output and duration; true if it succeeded.
step() {
  local title=$1 start=$SECONDS code
  shift
  echo "── $title"
  {
    time timeout --foreground "$limit_s" "$@" 2>&1 | tee "$log"
    code=${PIPESTATUS[0]}
  } 2>"$made/time"
  took "$title" "$made/time"
  ((code == 124)) && echo "FAILED $title: stopped after $limit_s s"
  echo "── $title: $((SECONDS - start)) s"
  return "$code"
}

# runner TITLE COMMAND...: a step whose test counts are added to the totals.
runner() {
  local title=$1 code line n_skipped names
  step "$@"
  code=$?
  line=$(grep -aoE '[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?' "$log" | tail -n 1)
  if [[ ! $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]]; then
    fails "$title: ended with code $code and without its counts"
    return
  fi
  local n_passed=${BASH_REMATCH[1]} n_failed=${BASH_REMATCH[2]}
  n_skipped=${BASH_REMATCH[4]:-}
  if [[ -z $n_skipped ]]; then  # a test that says SKIPPED returns early, and was counted as passed
    n_skipped=$(grep -acE '^SKIPPED' "$log")
    ((n_skipped > n_passed)) && n_skipped=$n_passed
    n_passed=$((n_passed - n_skipped))
  fi
  passed=$((passed + n_passed)) failed=$((failed + n_failed)) skipped=$((skipped + n_skipped))
  if ((n_failed > 0)); then
    names=$(grep -aE '^FAILED' "$log" | head -n 20 | cut -c -200 | sed 's/^FAILED */         /')
    failures+=("$title: $n_failed${names:+$'\n'$names}")
  elif ((code != 0)); then
    fails "$title: exit code $code although no test failed"
  fi
}

# Most tests leave one of two cores idle, so all parts are built in the background, one after the
# other, and each test waits only for its own part.
builder=''
leave() {
  rm -rf "$log" "$made"
  [[ -n $builder ]] && kill -- "-$builder" 2>/dev/null
}
trap leave EXIT

targets_of() {
  case $1 in
    native) echo attnscope unit_tests frame_tests attnscope-gui bench ;;
    asan) echo unit_tests frame_tests fuzz ;;
    tsan) echo unit_tests ;;
    *)
      wants "$1" && echo attnscope unit_tests
      wants browser && echo attnscope-gui
      ;;
  esac
}

# Output goes to $made/PRESET, then the exit code to $made/PRESET.code; likewise for `site`.
ended() {
  echo "$2" >"$made/$1.code.part"
  mv "$made/$1.code.part" "$made/$1.code"
}

build_in_background() {
  local preset code
  for preset in native asan tsan web web-mt; do
    wants "$preset" || { wants browser && [[ $preset == web* ]]; } || continue
    # shellcheck disable=SC2046
    {
      time {
        timeout --foreground "$limit_s" cmake --preset "$preset" -DATTNSCOPE_UNITY_TESTS=ON \
          --log-level=NOTICE 2>&1 &&
          timeout --foreground "$limit_s" nice \
            cmake --build --preset "$preset" --target $(targets_of "$preset") 2>&1
        code=$?
        ((code == 124)) && echo "stopped after $limit_s s"
      } >"$made/$preset" </dev/null
    } 2>"$made/$preset.time"
    took "$preset: build" "$made/$preset.time"
    ended "$preset" "$code"
  done
  wants browser || return
  nice python3 cmake/site.py --app st build/web --app mt build/web-mt >"$made/site" 2>&1 </dev/null
  ended site $?
}

start_builds() {
  set -m  # a process group of its own, so that all of it is stopped on exit
  build_in_background &
  builder=$!
  set +m
}

# build PRESET: waits for the build and shows its output; true if it succeeded.
declare -A built=()
build() {
  local preset=$1 start=$SECONDS over=no shown=0 size code
  if [[ -z ${built[$preset]:-} ]]; then
    echo "── $preset: build"
    until [[ $over == yes ]]; do
      if [[ -e $made/$preset.code ]] || ! kill -0 "$builder" 2>/dev/null; then
        over=yes
      else
        sleep 0.5
      fi
      size=$(wc -c 2>/dev/null <"$made/$preset") || continue
      tail -c "+$((shown + 1))" "$made/$preset" | head -c "$((size - shown))"
      shown=$size
    done
    code=$(cat "$made/$preset.code" 2>/dev/null)
    echo "── $preset: build: $((SECONDS - start)) s of waiting"
    built[$preset]=no
    if [[ $code == 0 ]]; then built[$preset]=yes; else fails "$preset: build"; fi
  fi
  [[ ${built[$preset]} == yes ]]
}

# command_line TITLE COMMAND...: runs the command line's tests; COMMAND starts the program.
command_line() {
  runner "$1: command line" python3 tests/cli/run.py "${@:2}"
}

# Whether `node OPTIONS` accepts a module with one relaxed SIMD instruction.
node_takes_relaxed_simd() {
  node "$@" -e '
    const zeros = Array(16).fill(0);
    const module = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0,
      10, 44, 1, 42, 0, 253, 12, ...zeros, 253, 12, ...zeros, 253, 128, 2, 26, 11]);
    process.exit(WebAssembly.validate(module) ? 0 : 1)' 2>/dev/null
}

# clang-tidy reads the compile commands of a unity build; only a generated header is built.
lint() {
  if ! step "lint: set-up" cmake --preset lint --log-level=NOTICE ||
    ! step "lint: made files" cmake --build build/lint --target shaders_made; then
    fails "lint: set-up"
    return
  fi
  runner "lint" python3 tests/lint/run.py
}

native() {
  build native || return
  runner "native: unit tests" build/native/unit_tests --no-colors
  runner "native: frames" build/native/frame_tests --no-colors
  command_line native build/native/attnscope
}

sanitized() {
  build "$1" || return
  runner "$1: unit tests" "build/$1/unit_tests" --no-colors
  [[ $1 == asan ]] || return
  # Leaks are not looked for: fontconfig never gives its configuration back.
  runner "asan: frames" env ASAN_OPTIONS=detect_leaks=0 build/asan/frame_tests --no-colors \
    --test-case="every screen*"
  runner "asan: fuzz" python3 tests/fuzz/run.py build/asan/fuzz
}

under_node() {
  build "$1" || return
  runner "$1: unit tests" node "${@:2}" "build/$1/unit_tests.js" --no-colors
  command_line "$1" node "${@:2}" "build/$1/attnscope.js"
}

relaxed_under_node() {
  if node_takes_relaxed_simd; then
    under_node web-mt
  elif node_takes_relaxed_simd --experimental-wasm-relaxed-simd; then
    under_node web-mt --experimental-wasm-relaxed-simd
  else
    skips "web-mt under Node: relaxed SIMD needs Node 20 or later, and this is $(node --version)"
  fi
}

browser() {
  build web && build web-mt && build site || return
  if [[ ! -e tests/browser/run.mjs ]]; then
    skips "browser: tests/browser/run.mjs is missing"
    return
  fi
  step "browser: npm ci" npm ci --prefix tests/browser --no-audit --no-fund || {
    fails "browser: npm ci"
    return
  }
  runner "browser" node tests/browser/run.mjs
}

if step "set-up" cmake/bootstrap.sh tests; then
  start_builds
  wants lint && lint
  wants native && native
  wants asan && sanitized asan
  wants tsan && sanitized tsan
  wants web && under_node web
  wants web-mt && relaxed_under_node
  wants serve && runner "serve" python3 tests/serve/test_serve.py
  wants browser && browser
else
  fails "set-up"
fi

echo
slowest
echo
echo "Total: $SECONDS s"
((${#failures[@]})) && printf 'FAILED %s\n' "${failures[@]}"
summary="$passed passed, $failed failed"
((skipped)) && summary+=", $skipped skipped"
echo "$summary"
((failed == 0))
