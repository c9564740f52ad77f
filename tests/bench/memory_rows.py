"""The rows about memory and starting: each measures one fresh server and returns named figures."""
import json
import os
import subprocess
import time

from harness.wire_client import WireClient

# name, unit, goal in the measurements' words (None: told only)
FIGURES = [
    ("idle RSS", "MB", 15),
    ("idle RSS, anonymous", "MB", 6),
    ("per idle connection", "KiB", 6),
    ("per literal subscription of 100,000", "B", None),
    ("per wildcard subscription of 1,000", "B", None),
    ("publish over them, cold, CPU", "us", None),
    ("publish over them, cold, rate", "k/s", None),
    ("publish over them, 1,000 subjects, CPU", "us", None),
    ("publish over them, 1,000 subjects, rate", "k/s", None),
    ("memory stream, RSS a message", "B", 230),
    ("start, empty", "ms", 20),
    ("many subjects, RSS while publishing", "MB", 110),
    ("many subjects, RSS after restart", "MB", 110),
    ("many subjects, restart after kill -9", "ms", None),
    ("many subjects, STREAM.INFO answered after kill -9", "ms", 100),
    ("many subjects, published and acknowledged after kill -9", "ms", None),
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


def subscriptions(server, tools):
    """Each message has two receivers: a literal subscription and a wildcard."""
    server.start()
    time.sleep(0.5)
    load = subprocess.Popen([tools.load_path, "subs", "--port", str(server.port), "--subjects",
                             str(tools.count(100_000)), "--conns", "10", "--count", str(tools.count(500_000)),
                             "--size", "16", "--limit", "120"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def step():
        """The next thing that the generator does: how often, in what time, by how much CPU and memory."""
        cpu, rss, _ = server.usage()
        load.stdin.write("\n")
        load.stdin.flush()
        done = json.loads(load.stdout.readline() or '{"messages": 0}')
        if not done["messages"]:
            raise RuntimeError("weir_load subs has failed")
        time.sleep(0.5)
        after, grown, _ = server.usage()
        return done["messages"], done["seconds"], after - cpu, grown - rss

    out = {}
    try:
        for name in ("literal subscription of 100,000", "wildcard subscription of 1,000"):
            count, _, _, grown = step()
            out[f"per {name}"] = grown / count
        for name in ("cold", "1,000 subjects"):
            count, seconds, cpu, _ = step()
            out[f"publish over them, {name}, CPU"] = cpu / count * 1e6
            out[f"publish over them, {name}, rate"] = count / seconds / 1e3
    finally:
        load.stdin.close()
        load.wait()
    return out


def memory_stream(server, tools):
    server.start()
    time.sleep(0.5)
    _, before, _ = server.usage()
    messages, _ = tools.load("js-pub", count=tools.count(650_000), storage="memory")
    time.sleep(0.5)
    return {"memory stream, RSS a message": (server.usage()[1] - before) / messages}


def timed_answers(server, count):
    """Milliseconds from the start of the process to the first STREAM.INFO of a normal client, which
    must be right, and to the ack of a publish, which needs the stream's subjects."""
    began = time.monotonic()
    server.start(60)
    with WireClient(server.port, seconds=30) as client:
        [name] = client.request("$JS.API.STREAM.NAMES")["streams"]
        info = client.request(f"$JS.API.STREAM.INFO.{name}")
        answered = time.monotonic()
        if info["state"]["messages"] != count or info["state"]["num_subjects"] != count:
            raise RuntimeError(f"not what was published: {info['state']}")
        subject = info["config"]["subjects"][0].replace(">", "x").replace("*", "x")
        client.request(subject, "x")
    return (answered - began) * 1000, (time.monotonic() - began) * 1000


def many_subjects(server, tools):
    server.start()
    count = tools.count(1_000_000)
    tools.load("js-pub", count=count, subjects=count, size=64)
    publishing = server.usage()[1]
    time.sleep(0.5)
    server.kill()
    disk = disk_bytes(server.store)
    restart = timed_start(server)
    server.kill()
    info, published = timed_answers(server, count)
    time.sleep(1)
    return {"many subjects, STREAM.INFO answered after kill -9": info,
            "many subjects, published and acknowledged after kill -9": published,
            "many subjects, RSS while publishing": publishing / 1e6, "many subjects, disk": disk / 1e6,
            "many subjects, RSS after restart": server.usage()[1] / 1e6,
            "many subjects, restart after kill -9": restart}


MEASUREMENTS = [idle, subscriptions, memory_stream, many_subjects]
