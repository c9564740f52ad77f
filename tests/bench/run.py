#!/usr/bin/env python3
"""Weir beside a real nats-server: rate, server CPU per million messages, memory, and their ratios.

Both are started one after the other, alternating, each time fresh with an empty store, on the same
machine and driven by the same clients: the official CLI's `nats bench` and weir_load (rows `raw`).
What counts is the ratio within one run. A benchmark, not a test: it says where Weir stands.
"""
import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import consumer_rows  # noqa: E402
import memory_rows  # noqa: E402
import rows  # noqa: E402
import store_rows  # noqa: E402
from harness.server import TOP, Server  # noqa: E402

FIGURES = {"memory": memory_rows, "consume": consumer_rows, "store": store_rows}
NATS = os.path.join(TOP, "build/tools/nats")


def build_tools(weir_too):
    """What drives the servers, and ours; the same functions that tests/run.sh uses."""
    targets = "weir weir_load" if weir_too else "weir_load"
    script = (f'top="{TOP}"; . "$top/deploy/setup.sh"; need_packages build test && '
              f'need_python "$top/tests/requirements.txt" && build_nats_cli && build_preset release {targets}')
    subprocess.run(["bash", "-c", script], check=True)


def fdatasync_rate(directory, seconds=1.0):
    """How many small appends a second this disk makes durable, one after the other."""
    path = os.path.join(directory, "fdatasync")
    with open(path, "wb", buffering=0) as f:
        done, began = 0, time.monotonic()
        while time.monotonic() - began < seconds:
            f.write(b"x" * 512)
            os.fdatasync(f.fileno())
            done += 1
        return done / (time.monotonic() - began)


def make_server(binary, work, sync, workers):
    directory = tempfile.mkdtemp(dir=work)
    return Server(directory, binary, sync=sync, workers=workers, 
                  jetstream="max_file: 20GB, max_mem: 4GB, limits: {default_max_consumers: -1}")


def measure_row(row, binary, args):
    """One run of one row against a fresh server."""
    server = make_server(binary, args.work, row.sync, args.workers)
    with server:
        tools = rows.Tools(NATS, args.load, server.port, args.scale)
        if row.prepare:
            row.prepare(tools)
            time.sleep(0.3)
        before = server.usage()[0]
        messages, rate = row.drive(tools)
        time.sleep(0.2)  # what the server still does for these messages is theirs too
        cpu, rss, _ = server.usage()
        server.stop()
    shutil.rmtree(server.directory, ignore_errors=True)
    return {"rate": rate, "cpu": (cpu - before) / messages * 1e6, "rss": rss / 1e6}


def measure_figures(measurement, binary, args):
    server = make_server(binary, args.work, "2m", args.workers)
    try:
        return measurement(server, rows.Tools(NATS, args.load, server.port, args.scale))
    finally:
        if server.running():
            server.kill()
        shutil.rmtree(server.directory, ignore_errors=True)


def attempt(function, what, binary, args):
    """A figure that could not be taken is told, and the other rows go on."""
    try:
        return function(what, binary, args)
    except (RuntimeError, AssertionError, subprocess.TimeoutExpired, OSError) as e:
        print(f"  {os.path.basename(binary)}: {str(e).strip()[-300:]}", file=sys.stderr)
        return None


def median(runs):
    runs = [run for run in runs if run]
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]} if runs else None


def divide(ours, theirs, key):
    return ours[key] / theirs[key] if ours and theirs and theirs[key] else None


def text(value, form):
    return format(value, form) if value is not None else "-"


def least_rate(row, theirs, sync):
    """What the rate must be by the row's goals: (a second, in words)."""
    if row.ratio:
        return row.ratio * theirs["rate"], f">= {row.ratio:g}x"
    if row.syncs:
        return row.syncs * sync, f">= {row.syncs:g} x sync"
    return row.rate or 0, f">= {row.rate:,}" if row.rate else ""


def judge(row, ours, theirs, sync):
    """How the goals stand: yes, or by how much they are missed."""
    if not ours or not theirs:
        return ""
    missed = []
    share, least = divide(ours, theirs, "cpu"), least_rate(row, theirs, sync)[0]
    if row.share and share > row.share:
        missed.append(f"CPU {share / row.share:.2f} x goal")
    if ours["rate"] < least:
        missed.append(f"rate {ours['rate'] / least:.2f} of goal")
    return ", ".join(missed) or ("yes" if row.share or least else "")


def print_rows(results, sync):
    print(f"\n{'row':<30} {'rate/s':>10} {'peer':>10} {'ratio':>6} {'goal':>11}  "
          f"{'CPU s/M':>8} {'peer':>8} {'share':>6} {'goal':>6}  {'RSS MB':>6} {'peer':>6}  goals met")
    for row, ours, theirs in results:
        mine, peer = ours or {}, theirs or {}
        goal = least_rate(row, theirs, sync)[1] if theirs else ""
        print(f"{row.name:<30} {text(mine.get('rate'), ',.0f'):>10} {text(peer.get('rate'), ',.0f'):>10} "
              f"{text(divide(ours, theirs, 'rate'), '.2f'):>6} {goal:>11}  {text(mine.get('cpu'), '.3f'):>8} "
              f"{text(peer.get('cpu'), '.3f'):>8} {text(divide(ours, theirs, 'cpu'), '.2f'):>6} "
              f"{text(row.share, '.2f'):>6}  {text(mine.get('rss'), '.0f'):>6} {text(peer.get('rss'), '.0f'):>6}  "
              f"{judge(row, ours, theirs, sync)}")


def print_figures(table, ours, theirs):
    """The named figures of a group that were taken."""
    if not any(name in ours or name in theirs for name, _, _ in table.FIGURES):
        return
    print(f"\n{'figure':<40} {'weir':>8} {'peer':>8} {'goal':>8} unit")
    at_least = getattr(table, "AT_LEAST", ())
    for name, unit, goal in table.FIGURES:
        if name in ours or name in theirs:
            sign = ">=" if name in at_least else "<="
            print(f"{name:<40} {text(ours.get(name), '.1f'):>8} {text(theirs.get(name), '.1f'):>8} "
                  f"{f'{sign} {goal}' if goal else '':>8} {unit}")


def run_rows(args, servers):
    results = []
    for row in [r for r in rows.CORE + rows.JS + rows.CONSUME if r.group in args.rows and args.only in r.name]:
        print(f"{row.group}: {row.name}", file=sys.stderr)
        runs = {name: [] for name in servers}
        for _ in range(args.repeat):
            for name, binary in servers.items():
                runs[name].append(attempt(measure_row, row, binary, args))
        results.append((row, median(runs.get("weir", [])), median(runs["peer"])))
    return results


def run_figures(args, servers):
    figures = {"weir": {}, "peer": {}}
    for group, table in FIGURES.items():
        wanted = [m for m in table.MEASUREMENTS if args.only in m.__name__]
        for measurement in wanted if group in args.rows else []:
            print(f"{group}: {measurement.__name__}", file=sys.stderr)
            for name, binary in servers.items():
                figures[name].update(attempt(measure_figures, measurement, binary, args) or {})
    return figures


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="core,js,consume,memory", 
                        help="groups of rows: core,js,consume,memory; and store, which takes ten minutes")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--peer", default=os.path.join(TOP, "build/venv/bin/nats-server"), help="the reference's binary")
    parser.add_argument("--weir", default=os.path.join(TOP, "build/release/weir"),
                        help="our binary; 'none' takes the reference's figures alone")
    parser.add_argument("--workers", type=int, help="Weir's worker threads (default: its own)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each row, of which the median counts")
    parser.add_argument("--quick", action="store_true", help="a fifth of the messages, one run of each row")
    parser.add_argument("--json", help="also write the figures to this file")
    args = parser.parse_args()
    args.rows = args.rows.split(",")
    args.scale = 0.2 if args.quick else 1.0
    args.repeat = 1 if args.quick else args.repeat
    args.load = os.path.join(TOP, "build/release/weir_load")
    return args


def main():
    args = parse_arguments()
    with_weir = args.weir != "none"
    build_tools(with_weir and args.weir.startswith(TOP))
    servers = ({"weir": args.weir} if with_weir else {}) | {"peer": args.peer}
    # On a disk, where stores live, not where temporary files may be memory.
    base = os.path.join(TOP, "build/bench")
    os.makedirs(base, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=base) as args.work:
        sync = fdatasync_rate(args.work)
        results = run_rows(args, servers)
        figures = run_figures(args, servers)
    print(f"{platform.machine()}, {os.cpu_count()} cores, {sync:,.0f} fdatasync/s; "
          f"{'a fifth of the messages, one run each' if args.quick else f'median of {args.repeat} runs'}; "
          f"peer: {subprocess.run([args.peer, '-v'], capture_output=True, text=True, check=False).stdout.strip()}")
    if results:
        print_rows(results, sync)
    for table in FIGURES.values():
        print_figures(table, figures["weir"], figures["peer"])
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({"fdatasync": sync, "figures": figures,
                       "rows": [{"group": r.group, "name": r.name, "goal_share": r.share, "goal_ratio": r.ratio,
                                 "weir": ours, "peer": theirs} for r, ours, theirs in results]}, f, indent=1)


if __name__ == "__main__":
    main()
