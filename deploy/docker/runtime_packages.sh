#!/bin/bash
# runtime_packages.sh BINARY - the Debian packages whose shared libraries a binary loads, one a line.
set -euo pipefail
ldd "$1" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p' | while read -r library; do
  # The linker's view of the path and the package's may differ by the /usr merge.
  for path in "$library" "/usr$library" "$(readlink -f "$library")"; do
    if package=$(dpkg-query -S "$path" 2>/dev/null); then
      echo "${package%%:*}"
      break
    fi
  done
done | sort -u
