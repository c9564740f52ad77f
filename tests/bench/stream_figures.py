"""stream_figures.py [BINARY] [--scale F] - what large streams cost, on a fresh server each:

  purge of a million messages by subject, from memory and from disk: milliseconds for the request
  STREAM.INFO on a stream of ten million while another client creates consumers: 50th, 99th percentile
  publishing with Nats-Msg-Id against without, and against another header of the same size: CPU of the server

--scale 0.1 makes everything a tenth. Prints one line for each figure.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness.server import TOP, WEIR, Server  # noqa: E402
from harness.wire_client import WireClient  # noqa: E402

BATCH = 20_000
LOAD = os.path.join(TOP, "build/release/weir_load")


class Client:
    """Requests one at a time, and floods of publishes."""

    def __init__(self, server):
        self.wire = WireClient(server.port, seconds=120, headers=True)
        self.wire.send(b"SUB _INBOX.figures 1\r\n")
        self.wire.ping()

    def ask(self, subject, body=b""):
        self.wire.send(f"PUB {subject} _INBOX.figures {len(body)}\r\n".encode() + body + b"\r\n")
        return json.loads(self.wire.next()[-1])

    def good(self, subject, **body):
        answer = self.ask(subject, json.dumps(body).encode() if body else b"")
        assert "error" not in answer, answer
        return answer

    def flood(self, count, message):
        """`message(n)` is the n-th publish."""
        for begin in range(0, count, BATCH):
            self.wire.send(b"".join(message(n) for n in range(begin, min(begin + BATCH, count))))
            self.wire.ping()


def fresh(binary):
    return Server(tempfile.mkdtemp(prefix="figures-"), binary, sync="2m",
                  jetstream="limits: {default_max_consumers: -1}")


def plain(subjects):
    return lambda n: b"PUB big.%d 16\r\n0123456789abcdef\r\n" % (n % subjects)


def purge(binary, scale):
    count = int(1_000_000 * scale)
    for storage in ("memory", "file"):
        with fresh(binary) as server:
            client = Client(server)
            client.good("$JS.API.STREAM.CREATE.BIG", name="BIG", subjects=["big.>"], storage=storage)
            client.flood(2 * count, plain(2))
            began = time.monotonic()
            purged = client.good("$JS.API.STREAM.PURGE.BIG", filter="big.1")["purged"]
            print(f"purge of {purged:,} of {2 * count:,} by subject, {storage}: "
                  f"{(time.monotonic() - began) * 1000:.0f} ms", flush=True)
            client.flood(count, lambda n: b"PUB big.many.%d 2\r\nxx\r\n" % n)
            began = time.monotonic()
            purged = client.good("$JS.API.STREAM.PURGE.BIG", filter="big.many.*")["purged"]
            print(f"purge of {purged:,} subjects by a pattern, {storage}: "
                  f"{(time.monotonic() - began) * 1000:.0f} ms", flush=True)


def info(binary, scale):
    count = int(10_000_000 * scale)
    with fresh(binary) as server:
        client, other = Client(server), Client(server)
        client.good("$JS.API.STREAM.CREATE.BIG", name="BIG", subjects=["big.>"])
        client.flood(count, plain(1000))
        stop, made = threading.Event(), 0

        def create():
            nonlocal made
            while not stop.is_set():
                made += 1
                filters = {"filter_subject": f"big.{made % 1000}"} if made % 3 else {"filter_subject": "big.*"}
                other.good(f"$JS.API.CONSUMER.CREATE.BIG.C{made}", stream_name="BIG",
                           config={"name": f"C{made}", "ack_policy": "explicit", "mem_storage": True, **filters})

        worker = threading.Thread(target=create)
        worker.start()
        times = []
        for _ in range(1000):
            began = time.monotonic()
            client.good("$JS.API.STREAM.INFO.BIG")
            times.append((time.monotonic() - began) * 1000)
        stop.set()
        worker.join()
        times.sort()
        print(f"STREAM.INFO of {count:,} messages while {made:,} consumers are made: 50 % {times[500]:.2f} ms, "
              f"99 % {times[990]:.2f} ms, longest {times[-1]:.2f} ms", flush=True)


def message_ids(binary, scale):
    """Publishes with acknowledgements, by weir_load."""
    count = int(1_000_000 * scale)
    kinds = {"without": [], "another header": ["--header", "Some-Number"], "Nats-Msg-Id": ["--header", "Nats-Msg-Id"]}
    with fresh(binary) as server:
        client = Client(server)
        cost = {}
        for _ in range(3):
            for name, words in kinds.items():
                before = server.usage()[0]
                subprocess.run([LOAD, "js-pub", "--port", str(server.port), "--count", str(count), *words], check=True,
                               stdout=subprocess.DEVNULL, timeout=170)
                cost[name] = min(cost.get(name, 1e9), (server.usage()[0] - before) / count * 1e9)
                client.good("$JS.API.STREAM.DELETE.LOAD")
        for name, each in cost.items():
            print(f"publish, {name}: {each:.0f} ns CPU, {each / cost['without']:.2f} x", flush=True)


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("binary", nargs="?", default=WEIR)
    words.add_argument("--scale", type=float, default=1.0)
    words.add_argument("--only", choices=["purge", "info", "ids"])
    given = words.parse_args()
    for name, figure in (("purge", purge), ("info", info), ("ids", message_ids)):
        if given.only in (None, name):
            figure(given.binary, given.scale)


if __name__ == "__main__":
    main()
