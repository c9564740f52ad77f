"""The rows about large stores: each measures one fresh server and returns named figures."""
import os
import statistics
import time

from harness.server import Server
from memory_rows import disk_bytes

# name, unit, goal in the words (None: told only). Goals are upper bounds but for those of AT_LEAST.
FIGURES = [
    ("10,000,000 subjects, RSS", "MB", 1288),
    ("10,000,000 subjects, rate of the slowest tenth", "% of median", 80),
    ("10,000,000 subjects, rate of the fastest tenth", "% of median", 120),
    ("10,000,000 subjects, CPU of the dearest tenth", "% of median", 120),
    ("10,000,000 subjects, CPU", "s/M", None),
    ("10 GB into 1 GB, written", "x payload", None),
    ("10 GB into 1 GB, disk", "MB", None),
    ("10 GB into 1 GB, CPU", "s/M", None),
    ("encrypted (AES), CPU of publishing", "% of without", None),
    ("encrypted (ChaCha20), CPU of publishing", "% of without", None),
]
AT_LEAST = {"10,000,000 subjects, rate of the slowest tenth"}


def written_bytes(server):
    """What the process has caused to be written to the disk; what was deleted before does not count."""
    with open(f"/proc/{server.pid}/io", encoding="ascii") as f:
        counts = dict(line.split(": ") for line in f)
    return int(counts["write_bytes"]) - int(counts["cancelled_write_bytes"])


def many_subjects(server, tools):
    server.start()
    count = tools.count(10_000_000)
    tenth = count // 10
    rates, costs = [], []
    for number in range(10):
        before = server.usage()[0]
        first = {"first": number * tenth} if number else {}
        rates.append(tools.load("js-pub", count=tenth, subjects=count, size=16, **first)[1])
        costs.append((server.usage()[0] - before) / tenth * 1e6)
    middle = statistics.median(rates)
    return {"10,000,000 subjects, RSS": server.usage()[1] / 1e6,
            "10,000,000 subjects, rate of the slowest tenth": min(rates) / middle * 100,
            "10,000,000 subjects, rate of the fastest tenth": max(rates) / middle * 100,
            "10,000,000 subjects, CPU of the dearest tenth": max(costs) / statistics.median(costs) * 100,
            "10,000,000 subjects, CPU": statistics.mean(costs)}


def rolling(server, tools):
    """Messages of 4 KiB; the stream keeps a tenth of them."""
    server.start()
    size = 4096
    each = tools.count(250_000)
    for _ in range(10):
        tools.load("js-pub", count=each, size=size, window=500, max_bytes=each * size)
    time.sleep(2)  # flushes and compactions under way
    payload = 10 * each * size
    return {"10 GB into 1 GB, written": written_bytes(server) / payload,
            "10 GB into 1 GB, disk": disk_bytes(server.store) / 1e6,
            "10 GB into 1 GB, CPU": server.usage()[0] / (10 * each) * 1e6}


def encryption(server, tools):
    """The median of three rounds of each, in turns."""
    count = tools.count(500_000)
    costs = {"": [], "aes": [], "chachapoly": []}
    for _ in range(3):
        for cipher, runs in costs.items():
            where = os.path.join(server.directory, f"{cipher or 'plain'}-{len(runs)}")
            jetstream = f'key: "a key that nobody guesses", cipher: {cipher}' if cipher else ""
            with Server(where, server.binary, port=server.port, sync="2m", jetstream=jetstream) as other:
                before = other.usage()[0]
                tools.load("js-pub", count=count)
                runs.append((other.usage()[0] - before) / count)
    plain, aes, chacha = (statistics.median(runs) for runs in costs.values())
    return {"encrypted (AES), CPU of publishing": aes / plain * 100,
            "encrypted (ChaCha20), CPU of publishing": chacha / plain * 100}


MEASUREMENTS = [many_subjects, rolling, encryption]
