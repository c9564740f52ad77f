#!/bin/bash
# runtime_packages.sh BINARY - the Debian packages whose shared libraries a binary loads, one a line.
set -euo pipefail
# The linker's view of a path and the package's may differ by the /usr merge and by links.
ldd "$1" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p' | while read -r library; do
  printf '%s\n' "$library" "/usr$library" "$(readlink -f "$library")"
done | sort -u | { xargs dpkg-query -S 2>/dev/null || true; } | cut -d: -f1 | sort -u
