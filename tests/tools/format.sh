#!/usr/bin/env bash
# Formats our C++ in place (clang-format 19, the version that the check accepts).
set -eu
cd "$(dirname "$0")/../.."
git ls-files -co --exclude-standard '*.h' '*.cc' | xargs clang-format-19 -i
