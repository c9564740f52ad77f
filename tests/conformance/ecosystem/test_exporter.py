"""prometheus-nats-exporter, as the official Helm chart starts it, beside our server and beside the reference."""
import os
import re
import subprocess
import time
import urllib.request

import pytest

from harness.server import PEER, TOP, WEIR, Server, free_port
from harness.wire_client import WireClient

HERE = os.path.dirname(os.path.abspath(__file__))
EXPORTER = os.path.join(TOP, "build/tools/prometheus-nats-exporter")
# The chart's, and every page beside them.
ARGUMENTS = ["-connz", "-routez", "-subz", "-varz", "-prefix=nats", "-use_internal_server_id", "-jsz=all"]
MORE = ["-leafz", "-gatewayz", "-healthz", "-accstatz", "-accountz", "-connz_detailed"]
# Times, sizes of a process, names made at random, and what the implementation has for itself.
VARY = re.compile("|".join([
    r"varz_(cpu|mem|start|config_load_time|server_id|version|cores|gomaxprocs|gomemlimit|go_.*|http_.*|max_connections)",
    r"varz_(subscriptions|total_connections|out_.*bytes|stale_.*|jetstream_(config|stats)_.*|.*wait.*)",
    r"subsz_(num_.*|cache_hit_rate|max_fanout|avg_fanout|server_id)",
    r"connz_(out_bytes|start|last_activity|rtt|uptime|idle)",
    r"routez_server_id|accountz_.*|.*_port",
    r"server_max_.*|account_(max|storage).*|consumer_last_.*_seconds",
]))
LABELS_THAT_VARY = {"server_id", "cid", "port", "value", "version", "account_id"}
SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)$")


class Scrape:
    """What the exporter makes of a server with two connections, two streams and a consumer."""

    def __init__(self, directory, binary, arguments):
        monitoring, port = free_port(), free_port()
        with Server(directory, binary, config=f'http: "127.0.0.1:{monitoring}"') as server:
            with WireClient(server.port, name="app") as app, WireClient(server.port, name="idle") as idle:
                self.prepare(app, idle)
                command = [EXPORTER, "-a", "127.0.0.1", f"-port={port}", *arguments, f"http://127.0.0.1:{monitoring}/"]
                with open(os.path.join(directory, "exporter.log"), "w", encoding="utf-8") as log:
                    exporter = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
                try:
                    self.fetch(port)  # the pages count what was asked for from the second time on
                    self.text = self.fetch(port)
                finally:
                    exporter.kill()
                    exporter.wait()
        self.types = dict(re.findall(r"^# TYPE (\w+) (\w+)$", self.text, re.M))

    @staticmethod
    def prepare(app, idle):
        idle.send("SUB core.> 1\r\n")
        idle.ping()
        for name in ("ONE", "TWO"):
            app.request(f"$JS.API.STREAM.CREATE.{name}", {"name": name, "subjects": [name.lower() + ".>"], "max_msgs": 100})
        consumer = {"stream_name": "ONE", "config": {"durable_name": "C", "ack_policy": "explicit"}}
        app.request("$JS.API.CONSUMER.CREATE.ONE.C", consumer)
        for n in range(5):
            assert app.request(f"one.{n}", "hello")["seq"] == n + 1
        app.send("SUB pulled 7\r\nPUB $JS.API.CONSUMER.MSG.NEXT.ONE.C pulled 1\r\n2\r\n")
        for _ in range(2):
            ack = app.next()[3]
        app.send(f"PUB {ack} 4\r\n+ACK\r\n")
        app.send("PUB core.x 5\r\nhello\r\n")
        app.ping()
        idle.ping()

    def fetch(self, port):
        deadline = time.monotonic() + 20
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                    text = answer.read().decode()
                if "nats_varz_connections" in text:
                    return text
            except OSError:
                pass
            assert time.monotonic() < deadline, "no metrics of the server"
            time.sleep(0.05)

    def samples(self):
        """{name: [({label: value}, number)...]} of the server's own metrics."""
        found = {}
        for line in self.text.splitlines():
            sample = SAMPLE.match(line)
            if sample and sample[1].startswith("nats_"):
                labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', sample[2] or ""))
                found.setdefault(sample[1], []).append((labels, float(sample[3])))
        return found

    def shapes(self):
        """`name type labels`, as in exporter_reference_metrics.txt."""
        return {f"{name} {self.types[name]} {','.join(sorted(found[0][0]))}".rstrip()
                for name, found in self.samples().items()}

    def values(self):
        """What must be equal number for number."""
        equal = set()
        for name, found in self.samples().items():
            if VARY.search(name):
                continue
            for labels, number in found:
                kept = ",".join(f"{key}={value}" for key, value in sorted(labels.items()) if key not in LABELS_THAT_VARY)
                equal.add(f"{name}{{{kept}}} {number:g}")
        return equal


def scrapes(tmp_path_factory, arguments):
    return [Scrape(str(tmp_path_factory.mktemp(name)), binary, arguments) for name, binary in (("ours", WEIR), ("peer", PEER))]


@pytest.fixture(scope="module")
def chart(tmp_path_factory):
    return scrapes(tmp_path_factory, ARGUMENTS)


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    return scrapes(tmp_path_factory, ARGUMENTS + MORE)


def test_the_exporter_of_the_chart_finds_every_metric(chart):
    with open(os.path.join(HERE, "../exporter_reference_metrics.txt"), encoding="utf-8") as f:
        recorded = {line for line in f.read().splitlines() if not line.startswith("#")}
    # This scenario has no mirror and no source.
    recorded = {line for line in recorded if not re.match(r"nats_stream_(mirror|source)_", line)}
    assert recorded - chart[0].shapes() == set()


def test_names_types_and_labels_are_the_references(chart):
    ours, peer = (side.shapes() for side in chart)
    assert (peer - ours, ours - peer) == (set(), set())


def test_numbers_are_the_references(chart):
    ours, peer = (side.values() for side in chart)
    assert len(peer) > 60
    assert (peer - ours, ours - peer) == (set(), set())


def test_pages_beyond_the_charts_are_understood_too(everything):
    ours, peer = (side.shapes() for side in everything)
    assert (peer - ours, ours - peer) == (set(), set())
