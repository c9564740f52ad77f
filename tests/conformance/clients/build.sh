#!/usr/bin/env bash
# build.sh [LANGUAGE]... - makes build/clients/LANGUAGE/session, none named: of all six; and
# build/clients/LANGUAGE/stores for go, java, javascript and python, .../delivery for these and rust.
#
# Installs toolchains where they are missing. What could not be made has its reason in
# build/clients/LANGUAGE.log, which the test shows; the exit status is that of the worst.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
. "$top/deploy/setup.sh"

# starter FILE COMMAND... - a script that runs COMMAND and the arguments that it gets.
starter() {
  printf '#!/bin/sh\nexec' >"$1"
  printf " '%s'" "${@:2}" >>"$1"
  printf ' "$@"\n' >>"$1"
  chmod +x "$1"
}

build_c() { gcc -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter -O1 -o "$1/session" "$here/c/session.c" -lnats -lpthread; }
build_go() { need_go && cd "$here/go" && go build -o "$1/session" . && go build -o "$1/stores" ./stores && go build -o "$1/delivery" ./delivery; }
build_python() {
  local program
  for program in session stores delivery; do
    starter "$1/$program" "$top/build/venv/bin/python" "$here/python/$program.py"
  done
}
build_javascript() {
  need_node || return 1
  cmp -s "$here/javascript/package-lock.json" "$1/package-lock.json" && [ -d "$1/node_modules" ] || {
    cp "$here"/javascript/package*.json "$1" &&
      (cd "$1" && npm ci --no-audit --no-fund --ignore-scripts) || return 1
  }
  local program
  for program in session stores delivery; do
    cp "$here/javascript/$program.mjs" "$1" && starter "$1/$program" "$(command -v node)" "$1/$program.mjs" || return 1
  done
}
build_java() {
  (cd "$1/lib" 2>/dev/null && sha256sum --quiet -c "$here/java/checksums.sha256" >/dev/null 2>&1) || {
    mvn -q -B -f "$here/java/pom.xml" dependency:copy-dependencies -DoutputDirectory="$1/lib" || return 1
    (cd "$1/lib" && sha256sum --quiet -c "$here/java/checksums.sha256") || return 1
  }
  javac -Xlint:all -Werror -d "$1/classes" -cp "$1/lib/*" "$here"/java/*.java || return 1
  local program
  for program in Session Stores Delivery; do
    starter "$1/${program,}" java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$1/classes:$1/lib/*" "$program"
  done
}
build_rust() {
  need_rust && cargo build --quiet --release --locked --manifest-path "$here/rust/Cargo.toml" --target-dir "$1/target" &&
    cp "$1/target/release/session" "$1/target/release/delivery" "$1"
}

# build LANGUAGE - a new program or none.
build() {
  local folder=$top/build/clients/$1
  mkdir -p "$folder" && rm -f "$folder"/{session,stores,delivery}
  (build_"$1" "$folder") >"$folder.log" 2>&1 || {
    tail -n 40 "$folder.log" >&2
    say "the program in $1 cannot be built"
    rm -f "$folder"/{session,stores,delivery}
    return 1
  }
}

[ $# -gt 0 ] || set -- rust c go java javascript python
need_packages clients || exit 1
# Packages are installed one after the other, the rest goes on beside the slowest.
case " $* " in *" rust "*) need_rust || say "no Rust" ;; esac
jobs=()
status=0
for language in "$@"; do
  [ "$language" != rust ] || { build rust & jobs+=($!); continue; }
  build "$language" || status=1
done
for job in "${jobs[@]}"; do wait "$job" || status=1; done
exit $status
