#!/usr/bin/env python3
"""report_flights.py count DB | report DB ROWS_BEFORE - checks the exported table against the CSV.

`report` prints rows, distinct sequences and sums beside the CSV's, and a question answered with SQL;
it exits 1 when the table is not exactly the CSV.
"""
import os
import sqlite3
import sys

from publish_flights import read_flights

SUMS = ("distance", "air_time", "dep_delay")
QUESTION = """
    SELECT carrier, count(*) AS flights, round(avg(dep_delay), 1) AS minutes,
           round(100.0 * avg(dep_delay > 60), 1) AS percent
    FROM flights WHERE dep_delay IS NOT NULL
    GROUP BY carrier ORDER BY avg(dep_delay) DESC LIMIT 10
"""


def rows_in(path):
    if not os.path.exists(path):
        return 0
    with sqlite3.connect(path) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'flights'").fetchone():
            return 0
        return db.execute("SELECT count(*) FROM flights").fetchone()[0]


def expected():
    rows = list(read_flights())
    return [len(rows), len(rows), *(sum(row[name] or 0 for row in rows) for name in SUMS)]


def report(path, before):
    with sqlite3.connect(path) as db:
        sums = ", ".join(f"sum({name})" for name in SUMS)
        found = list(db.execute(f"SELECT count(*), count(DISTINCT _js_seq), {sums} FROM flights").fetchone())
        answer = db.execute(QUESTION).fetchall()
    wanted = expected()
    print(f"\n{'':<20} {'table':>14} {'CSV':>14}")
    for name, ours, theirs in zip(("rows", "distinct sequences", *(f"sum of {s}" for s in SUMS)), found, wanted):
        print(f"{name:<20} {ours:>14,} {theirs:>14,}  {'equal' if ours == theirs else 'DIFFERENT'}")
    print(f"{'new in this run':<20} {found[0] - before:>14,}")
    print("\nThe ten carriers whose flights left latest, 2013, New York:")
    print(f"  {'carrier':<8} {'flights':>8} {'average delay':>14} {'over an hour':>13}")
    for carrier, flights, minutes, percent in answer:
        print(f"  {carrier:<8} {flights:>8,} {minutes:>10} min {percent:>11} %")
    print()
    return found == wanted


if __name__ == "__main__":
    if sys.argv[1] == "count":
        print(rows_in(sys.argv[2]))
    elif not report(sys.argv[2], int(sys.argv[3])):
        sys.exit("the table is not what was published")
