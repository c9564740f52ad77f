"""/metrics: the names, types and labels that the exporter of the official chart derives from the pages,
and our own beside them."""
import os
import re
import subprocess
import sys

import pytest
from harness.monitoring import get
from harness.server import TOP, free_port
from harness.wire_client import WireClient

CONFORMANCE = os.path.join(TOP, "tests/conformance")
# Only a stream with sources or a mirror has them.
UPSTREAM = re.compile("nats_stream_(source|mirror)_")


@pytest.fixture(scope="module")
def reference():
    """(type, labels) by name."""
    found = {}
    with open(os.path.join(CONFORMANCE, "exporter_reference_metrics.txt"), encoding="utf-8") as f:
        for line in f:
            if not line.startswith("#"):
                name, kind, labels = line.split()
                found[name] = (kind, labels)
    return found


@pytest.fixture
def port(start_server):
    http = free_port()
    server = start_server(config=f'http: "127.0.0.1:{http}"')
    with WireClient(server.port) as client:
        client.request("$JS.API.STREAM.CREATE.S", {"name": "S", "subjects": ["s"]})
        client.request("$JS.API.CONSUMER.CREATE.S.C", {"stream_name": "S", "config": {
            "durable_name": "C", "deliver_policy": "all", "ack_policy": "explicit", "description": "a \"quoted\" one"}})
        for _ in range(3):
            client.request("s", "text")
        client.send("SUB _INBOX.n 5\r\nPUB $JS.API.CONSUMER.MSG.NEXT.S.C _INBOX.n 0\r\n\r\n")
        message = client.next()
        client.send(f"PUB {message[3]} 4\r\n+ACK\r\n")
        client.ping()
        yield http


def parsed(text):
    """Types by name, and samples as (name, labels, value); checks the form."""
    types, helped, samples = {}, set(), []
    for line in text.splitlines():
        if line.startswith("# HELP "):
            helped.add(line.split(" ", 3)[2])
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            types[name] = kind
        else:
            match = re.fullmatch(r'([a-z_]+)(?:\{(.*)\})? (\S+)', line)
            assert match, line
            labels = re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', match[2] or "")
            samples.append((match[1], dict(labels), float(match[3])))
    assert helped == set(types)
    return types, samples


def test_names_types_and_labels_are_the_exporters(port, reference):
    types, samples = parsed(get(port, "/metrics")[2])
    ours = {name: (types[name], ",".join(sorted(labels))) for name, labels, _ in samples if name.startswith("nats_")}

    assert ours == {name: what for name, what in reference.items() if not UPSTREAM.match(name)}


def test_the_pages_give_an_exporter_the_references_names(port, reference):
    run = subprocess.run([sys.executable, os.path.join(CONFORMANCE, "exporter_names.py"), f"http://127.0.0.1:{port}", "nats"],
                         stdout=subprocess.PIPE, text=True, timeout=30, check=True)

    assert sorted(run.stdout.split()) == sorted(reference)


def test_values_are_those_of_the_pages(port):
    _, samples = parsed(get(port, "/metrics")[2])
    value = {name: number for name, _, number in samples}

    assert value["nats_varz_connections"] == 1
    assert value["nats_varz_in_msgs"] == 7
    assert value["nats_connz_in_msgs"] == 7
    assert value["nats_server_total_messages"] == 3
    assert value["nats_stream_last_seq"] == 3
    assert value["nats_stream_limit_messages"] == -1
    assert value["nats_consumer_num_pending"] == 2
    assert value["nats_consumer_ack_floor_stream_seq"] == 1
    assert 0 <= value["nats_consumer_last_delivery_seconds"] < 60
    assert value["nats_varz_start"] > 1.6e12
    labels = next(labels for name, labels, _ in samples if name == "nats_consumer_num_pending")
    assert (labels["stream_name"], labels["consumer_name"]) == ("S", "C")
    assert labels["consumer_desc"] == 'a \\"quoted\\" one'


def test_our_own_stand_beside_them(port):
    status, headers, text = get(port, "/metrics")
    types, samples = parsed(text)
    value = {name: number for name, _, number in samples}

    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert types["weir_commit_duration_seconds"] == "histogram"
    buckets = [number for name, _, number in samples if name == "weir_commit_duration_seconds_bucket"]
    assert buckets == sorted(buckets)
    assert value["weir_commit_duration_seconds_count"] == buckets[-1] > 0
    assert value["weir_commit_duration_seconds_sum"] > 0
    assert value["weir_fsync_duration_seconds_count"] > 0
    assert value["weir_storage_checksum_failures_total"] == 0
    assert sum(number for name, _, number in samples if name == "weir_worker_connections") == 1
