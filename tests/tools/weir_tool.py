#!/usr/bin/env python3
"""weir_tool.py check [--staged] | format

check   C++ files formatted (clang-format 19), arrows between folders, a test for each module.
        --staged: formatting of what is staged for the commit only (for a pre-commit hook).
format  formats every C++ file in place.
"""
import argparse
import os
import subprocess
import sys

import check_layers

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
CLANG_FORMAT = "clang-format-19"


def cpp_files(staged):
    command = (["git", "diff", "--cached", "--name-only", "--diff-filter=d"] if staged
               else ["git", "ls-files", "-co", "--exclude-standard"])
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    return [n for n in names if n.endswith((".h", ".cc")) and os.path.exists(os.path.join(ROOT, n))]


def unformatted(files):
    """Names of the files that clang-format would change."""
    if not files:
        return []
    run = subprocess.run([CLANG_FORMAT, "--dry-run", *files], cwd=ROOT, capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(run.stderr.strip())
    return sorted({line.split(":")[0] for line in run.stderr.split("\n") if "[-Wclang-format-violations]" in line})


def check(staged):
    problems = [f"{name}: not formatted (tests/tools/weir_tool.py format)" for name in unformatted(cpp_files(staged))]
    problems += check_layers.findings(ROOT)
    for line in problems:
        print(line)
    return 1 if problems else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["check", "format"])
    parser.add_argument("--staged", action="store_true")
    args = parser.parse_args()
    if args.command == "format":
        return subprocess.run([CLANG_FORMAT, "-i", *cpp_files(False)], cwd=ROOT, check=False).returncode
    return check(args.staged)


if __name__ == "__main__":
    sys.exit(main())
