"""SIGKILL during publish and export: nothing that was acknowledged is lost, nothing stands twice."""
import asyncio
import json
import random
import sqlite3
import threading

import nats
import pytest
from nats.js.api import AckPolicy, ConsumerConfig, StreamConfig
from publisher import Publisher, connect

from harness.server import WEIR, Server, is_weir, run_binary
from harness.workflow import write_workflow

STREAM = "EVENTS"


def message(number):
    return f"events.{number % 7}", json.dumps({"n": number, "text": f"event {number}", "none": None}).encode()


class Exports(threading.Thread):
    """Runs one export after the other until told to stop; a run that dies with the server is repeated."""

    def __init__(self, workflow):
        super().__init__(daemon=True)
        self.workflow = workflow
        self.stopping = threading.Event()
        self.finished = 0

    def run(self):
        while not self.stopping.is_set():
            status, _ = run_binary("export", "run", self.workflow, seconds=90)
            self.finished += status == 0
            self.stopping.wait(0.02)


def rows_exported(path):
    """How far the export is, seen from outside and without a lock held against it."""
    if not path.exists():
        return 0
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        try:
            return db.execute("SELECT max(_js_seq) FROM events").fetchone()[0] or 0
        except sqlite3.OperationalError:  # no table yet, or busy
            return 0


async def publish_while_killing(server, count, kills, seed, at_kill):
    """Publishes `count` messages and kills the server at `kills` random points of that; the ledger."""
    publisher = Publisher([message(n) for n in range(count)])
    nc = await connect(server.url, publisher)
    js = nc.jetstream(publish_async_max_pending=500)
    await js.add_stream(StreamConfig(name=STREAM, subjects=["events.>"]))
    publishing = asyncio.create_task(publisher.run(js))
    for at in sorted(random.Random(seed).sample(range(count // 50, count - count // 50), kills)):
        while publisher.acked < at and not publishing.done():
            await asyncio.sleep(0.002)
        assert not publishing.done(), "published everything before the last kill"
        server.kill()
        at_kill()
        await asyncio.to_thread(server.start)
    await asyncio.wait_for(publishing, 120)
    await nc.close()
    return publisher.sequences


async def read_stream(server):
    """Everything in the stream: {sequence: number}."""
    nc = await nats.connect(server.url)
    js = nc.jetstream()
    wanted = (await js.stream_info(STREAM)).state.messages
    reader = await js.pull_subscribe("", durable="check", stream=STREAM,
                                     config=ConsumerConfig(ack_policy=AckPolicy.NONE))
    found = {}
    while len(found) < wanted:
        for got in await reader.fetch(1000, timeout=10):
            found[got.metadata.sequence.stream] = json.loads(got.data)["n"]
    await nc.close()
    return found


def check_stream(stream, ledger, count):
    assert len(ledger) == count
    lost = {n: seq for n, seq in ledger.items() if stream.get(seq) != n}
    assert not lost, f"{len(lost)} acknowledged messages are not where the ack said: {dict(list(lost.items())[:5])}"
    assert len(stream) == len(set(stream.values())) == count, "a message stands in the stream twice"


def check_table(path, stream):
    with sqlite3.connect(path) as db:
        rows = db.execute("SELECT _js_seq, n FROM events").fetchall()
    assert len(rows) == len(stream), f"{len(rows)} rows for {len(stream)} messages"
    assert dict(rows) == stream


def run_kills(directory, count, kills, seed):
    with Server(directory / "server") as server:
        workflow = write_workflow(directory / "events.yaml", server.port, "events.>", STREAM,
                                  directory / "events.db", "main.events")
        exports = Exports(workflow)
        if is_weir(WEIR):
            exports.start()
        exported = []
        ledger = asyncio.run(publish_while_killing(
            server, count, kills, seed, lambda: exported.append(rows_exported(directory / "events.db"))))
        stream = asyncio.run(read_stream(server))
        check_stream(stream, ledger, count)
        if not is_weir(WEIR):
            pytest.skip("the stream holds every acknowledged message; this server has no exports")
        exports.stopping.set()
        exports.join(100)
        status, output = run_binary("export", "run", workflow, seconds=90)
        assert status == 0, output
        check_table(directory / "events.db", stream)
        assert len(set(exported)) > kills // 2, f"the export went on between the kills: {exported}"
        server.stop()


def test_ten_kills(tmp_path):
    run_kills(tmp_path, count=100_000, kills=10, seed=1)


@pytest.mark.long
def test_a_hundred_kills(tmp_path):
    run_kills(tmp_path, count=1_000_000, kills=100, seed=2)
