"""A work queue with sixteen competing clients, processes of their own, while clients and the server are killed: each
message is acknowledged once, as far as anybody was told, and none is left."""
import collections
import json
import os
import random
import subprocess
import sys
import threading
import time

import pytest

from harness.server import TOP
from harness.wire_client import WireClient

CLIENTS = 16
ACK_WAIT = 3.0
WORKER = os.path.join(TOP, "tests/harness/queue_worker.py")


class Publisher(threading.Thread):
    """Publishes until it is told to end; keeps the sequences that were acknowledged."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.stored, self.ending = port, set(), False

    def run(self):
        while not self.ending:
            try:
                with WireClient(self.port, seconds=5.0) as client:
                    client.send("SUB _INBOX.p 1\r\n")
                    while not self.ending:
                        client.send("PUB WORK.x _INBOX.p 4\r\nwork\r\n" * 20)
                        for _ in range(20):
                            answer = json.loads(client.next()[-1])
                            assert "error" not in answer, answer
                            assert answer["seq"] not in self.stored, "a sequence was given out twice"
                            self.stored.add(answer["seq"])
                        time.sleep(0.01)
            except OSError:
                time.sleep(0.05)  # the server is away


class Clients:
    def __init__(self, port, ledger):
        self.command = [sys.executable, WORKER, str(port), ledger]
        self.running = [self.start() for _ in range(CLIENTS)]

    def start(self):
        return subprocess.Popen(self.command, stdin=subprocess.DEVNULL)

    def kill_one(self):
        at = random.randrange(CLIENTS)
        assert self.running[at].poll() is None, "a client ended by itself"
        self.running[at].kill()
        self.running[at].wait()
        self.running[at] = self.start()

    def end(self):
        for client in self.running:
            client.kill()
            client.wait()


def drained(port, seconds):
    with WireClient(port, seconds=10.0) as client:
        deadline = time.monotonic() + seconds
        while True:
            stream = client.request("$JS.API.STREAM.INFO.WORK")["state"]
            consumer = client.request("$JS.API.CONSUMER.INFO.WORK.C")
            if stream["messages"] == consumer["num_pending"] == consumer["num_ack_pending"] == 0:
                return
            assert time.monotonic() < deadline, (stream, consumer)
            time.sleep(0.2)


def read_ledger(path):
    """How often each sequence was tried and confirmed; a confirmed one must not be delivered again."""
    tried, done = collections.Counter(), collections.Counter()
    with open(path, encoding="ascii") as f:
        for line in f:
            word, seq = line.split()
            if word == "try":
                assert int(seq) not in done, f"{seq} came again after its acknowledgement was confirmed"
                tried[int(seq)] += 1
            else:
                done[int(seq)] += 1
    return tried, done


def run(server, seconds, ledger):
    with WireClient(server.port) as client:
        made = client.request("$JS.API.STREAM.CREATE.WORK",
                              {"name": "WORK", "subjects": ["WORK.*"], "retention": "workqueue"})
        assert "error" not in made, made
        made = client.request("$JS.API.CONSUMER.DURABLE.CREATE.WORK.C", {
            "stream_name": "WORK",
            "config": {"durable_name": "C", "ack_policy": "explicit", "ack_wait": int(ACK_WAIT * 1e9)}})
        assert "error" not in made, made
    publisher, clients = Publisher(server.port), Clients(server.port, ledger)
    publisher.start()
    kills = 0
    try:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for _ in range(random.randrange(2, 6)):
                time.sleep(random.uniform(0.05, 0.3))
                clients.kill_one()
            server.kill()
            server.start()
            kills += 1
        publisher.ending = True
        publisher.join(20)
        drained(server.port, ACK_WAIT + 30)
    finally:
        clients.end()
    tried, done = read_ledger(ledger)
    assert len(publisher.stored) > 100 and kills > 1
    twice = [seq for seq, times in done.items() if times > 1]
    assert not twice, f"acknowledged twice: {twice[:10]}"
    lost = [seq for seq in publisher.stored if seq not in tried]
    assert not lost, f"never delivered: {lost[:10]}"
    # Whoever was killed while it waited for the answer cannot say whether it was acknowledged.
    doubtful = [seq for seq in publisher.stored if seq not in done]
    assert len(doubtful) < len(publisher.stored) / 2
    return len(done), len(doubtful), kills


def test_each_message_is_acknowledged_once_while_clients_and_server_are_killed(start_server, tmp_path):
    run(start_server(), 5, str(tmp_path / "ledger"))


@pytest.mark.long
def test_each_message_is_acknowledged_once_through_many_kills(start_server, tmp_path):
    print("%d confirmed, %d in doubt, %d kills of the server" % run(start_server(), 120, str(tmp_path / "ledger")))
