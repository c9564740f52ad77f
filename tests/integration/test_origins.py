"""Streams that follow other streams, over restarts and SIGKILL; mirrored and sourced buckets."""
import os
import subprocess
import time

import pytest

from harness.server import TOP
from harness.wire_client import WireClient

NATS = os.path.join(TOP, "build/tools/nats")


def create(client, name, **config):
    answer = client.request(f"$JS.API.STREAM.CREATE.{name}", {"name": name} | config)
    assert "error" not in answer, answer


def state(client, name):
    return client.request(f"$JS.API.STREAM.INFO.{name}")["state"]


def wait_for(what, seconds=20.0):
    """The first true answer of `what`."""
    deadline = time.monotonic() + seconds
    while not (got := what()):
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)
    return got


@pytest.mark.parametrize("kill", [False, True], ids=["stop", "kill"])
def test_each_message_is_taken_once_over_ends_of_the_server(start_server, kill):
    server = start_server()
    with WireClient(server.port) as client:
        create(client, "O", subjects=["o.>"])
        create(client, "W", subjects=["w.>"], retention="workqueue")
        create(client, "M", mirror={"name": "O"})
        create(client, "S", sources=[{"name": "O"}, {"name": "W"}])
    total = 0
    for _ in range(3):
        with WireClient(server.port) as client:
            for n in range(200):
                client.send(f"PUB o.{n % 7} 5\r\nhello\r\nPUB w.{n % 7} 5\r\nhello\r\n")
            client.ping()
        total += 200
        # In the middle of it.
        if kill:
            server.kill()
        else:
            assert server.stop() == 0
        server.start()
    with WireClient(server.port) as client:
        stored = state(client, "O")["last_seq"]
        wait_for(lambda: state(client, "M")["last_seq"] == stored)
        wait_for(lambda: state(client, "W")["messages"] == 0)
        queued = state(client, "W")["last_seq"]
        wait_for(lambda: state(client, "S")["messages"] >= stored + queued)
        assert state(client, "S")["messages"] == stored + queued
        assert state(client, "M")["messages"] == stored
        if not kill:
            assert stored == queued == total


def run(server, *arguments):
    done = subprocess.run([NATS, "--no-context", "-s", server.url, *arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_buckets_that_mirror_and_source(server):
    run(server, "kv", "add", "ORIGIN")
    run(server, "kv", "put", "ORIGIN", "a.key", "first")
    run(server, "kv", "add", "MIRROR", "--mirror", "ORIGIN")
    run(server, "kv", "add", "SOURCED", "--source", "ORIGIN")
    run(server, "kv", "put", "ORIGIN", "another", "second")
    with WireClient(server.port) as client:
        wait_for(lambda: state(client, "KV_MIRROR")["messages"] == 2)
        wait_for(lambda: state(client, "KV_SOURCED")["messages"] == 2)
        got = client.request("$JS.API.STREAM.MSG.GET.KV_MIRROR", {"last_by_subj": "$KV.ORIGIN.another"})
        assert got["message"]["data"] == "c2Vjb25k"
    assert "first" in run(server, "kv", "get", "SOURCED", "a.key")
    assert "MIRROR" in run(server, "kv", "ls")
