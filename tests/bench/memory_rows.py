"""The rows about memory and starting: each measures one fresh server and returns named figures."""
import os
import subprocess
import time

# name, unit, goal in the measurements' words (None: told only)
FIGURES = [
    ("idle RSS", "MB", 15),
    ("idle RSS, anonymous", "MB", 6),
    ("per idle connection", "KiB", 6),
    ("memory stream, RSS a message", "B", 230),
    ("start, empty", "ms", 20),
    ("many subjects, RSS while publishing", "MB", 110),
    ("many subjects, RSS after restart", "MB", 110),
    ("many subjects, restart after kill -9", "ms", 100),
    ("many subjects, disk", "MB", 110),
]


def timed_start(server):
    began = time.monotonic()
    server.start(60)
    return (time.monotonic() - began) * 1000


def disk_bytes(path):
    return sum(os.lstat(os.path.join(where, name)).st_blocks * 512
               for where, _, names in os.walk(path) for name in names)


def idle(server, tools):
    started = timed_start(server)
    time.sleep(1)
    _, rss, anonymous = server.usage()
    connections = tools.count(10_000)
    holder = subprocess.Popen([tools.load_path, "idle", "--port", str(server.port), "--conns", str(connections),
                               "--limit", "60"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        if "idle" not in holder.stdout.readline():
            raise RuntimeError("the idle connections were not made")
        time.sleep(1)
        _, loaded, _ = server.usage()
    finally:
        holder.stdin.close()
        holder.wait()
    return {"idle RSS": rss / 1e6, "idle RSS, anonymous": anonymous / 1e6, "start, empty": started,
            "per idle connection": (loaded - rss) / connections / 1024}


def memory_stream(server, tools):
    server.start()
    time.sleep(0.5)
    _, before, _ = server.usage()
    messages, _ = tools.load("js-pub", count=tools.count(650_000), storage="memory")
    time.sleep(0.5)
    return {"memory stream, RSS a message": (server.usage()[1] - before) / messages}


def many_subjects(server, tools):
    server.start()
    count = tools.count(1_000_000)
    tools.load("js-pub", count=count, subjects=count, size=64)
    publishing = server.usage()[1]
    time.sleep(0.5)
    server.kill()
    disk = disk_bytes(server.store)
    restart = timed_start(server)
    time.sleep(1)
    return {"many subjects, RSS while publishing": publishing / 1e6, "many subjects, disk": disk / 1e6,
            "many subjects, RSS after restart": server.usage()[1] / 1e6,
            "many subjects, restart after kill -9": restart}


MEASUREMENTS = [idle, memory_stream, many_subjects]
