#!/usr/bin/env python3
"""record.py NATS_SERVER [FILE.cases ...] - writes what a real server says of each case into the files."""
import glob
import os
import sys

import cases

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../data/config")


def main():
    binary = sys.argv[1]
    for path in sys.argv[2:] or sorted(glob.glob(os.path.join(DATA, "*.cases"))):
        recorded = cases.read(path)
        for case in recorded:
            answers = [cases.run(binary, case) for _ in range(6)]
            if any(answer != answers[0] for answer in answers):
                sys.exit(f"{path}: {case.name}: the server does not always say the same: {answers}")
            case.verdict, case.digest, case.lines = answers[0]
        cases.write(path, recorded)
        print(f"{path}: {len(recorded)} cases")


if __name__ == "__main__":
    main()
