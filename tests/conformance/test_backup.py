"""Backups of the official CLI and on the wire: what one server has written the other one restores."""
import asyncio
import base64
import difflib
import json
import os
import re
import subprocess

import nats
import pytest

from harness.server import PEER, TOP, WEIR, Server

CLI = os.path.join(TOP, "build/tools/nats")
PAIRS = {"weir to weir": (WEIR, WEIR), "reference to weir": (PEER, WEIR), "weir to reference": (WEIR, PEER)}
STREAMS = ("FULL", "EMPTY", "EMPTIED", "TRIMMED", "QUEUE")


def cli(server, home, *arguments):
    environment = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home), "NO_COLOR": "1", "TERM": "dumb"}
    done = subprocess.run([CLI, "--no-context", "-s", server.url, "--timeout", "10s", *arguments], env=environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, f"nats {' '.join(arguments)}: {done.stdout}"
    return done.stdout


class Session:
    """A connection with the few requests that these tests need."""

    def __init__(self, client):
        self.client = client

    async def api(self, subject, **body):
        answer = await self.client.request(f"$JS.API.{subject}", json.dumps(body).encode() if body else b"", 10)
        return json.loads(answer.data)

    async def good(self, subject, **body):
        answer = await self.api(subject, **body)
        assert "error" not in answer, answer
        return answer

    async def publish(self, subject, payload=b"", **headers):
        answer = json.loads((await self.client.request(subject, payload, 10, headers=headers or None)).data)
        assert "error" not in answer, answer
        return answer


def run(server, work):
    async def session():
        client = await nats.connect(server.url)
        try:
            return await work(Session(client))
        finally:
            await client.close()

    return asyncio.run(session())


async def consume(session, stream, durable, config, deliver):
    await session.good(f"CONSUMER.DURABLE.CREATE.{stream}.{durable}", stream_name=stream,
                       config={"durable_name": durable, "ack_policy": "explicit", "ack_wait": 60_000_000_000, **config})
    inbox = session.client.new_inbox()
    got = await session.client.subscribe(inbox)
    await session.client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}",
                                 json.dumps({"batch": deliver, "expires": 5_000_000_000}).encode(), inbox)
    return [await got.next_msg(5) for _ in range(deliver)]


async def settle(messages, done, again=()):
    """Acks some of the messages by their place, has others delivered again."""
    for at in done:
        await messages[at].respond(b"+ACK")
    for at in again:
        await messages[at].respond(b"-NAK {\"delay\": 3600000000000}")
    await messages[0]._client.flush()
    await asyncio.sleep(0.3)


async def fill(session, storage="file"):
    """Every kind of stream: gaps, headers, nothing in it, consumers in the middle of their work."""
    await session.good("STREAM.CREATE.FULL", name="FULL", subjects=["full.>"], storage=storage, allow_msg_ttl=True)
    for i in range(400):
        body = bytes(range(256)) * (i % 13) + f"body {i}".encode()
        headers = {"Number": str(i), "Nats-Msg-Id": f"id-{i}"} if i % 3 == 0 else {}
        await session.publish(f"full.{i % 7}", body if i % 5 else b"", **headers)
    for seq in (5, 6, 7, 100, 399, 400):
        await session.good("STREAM.MSG.DELETE.FULL", seq=seq)
    await session.good("STREAM.PURGE.FULL", seq=3)
    got = await consume(session, "FULL", "MIDDLE", {"filter_subject": "full.2"}, 20)
    await settle(got, [0, 1, 2, 5, 9], [7])
    await session.good("CONSUMER.DURABLE.CREATE.FULL.FRESH", stream_name="FULL",
                       config={"durable_name": "FRESH", "ack_policy": "all", "max_deliver": 5, "description": "new"})
    await session.good("STREAM.CREATE.EMPTY", name="EMPTY", subjects=["empty"], storage=storage)
    await session.good("STREAM.CREATE.EMPTIED", name="EMPTIED", subjects=["emptied"], storage=storage)
    await session.good("STREAM.CREATE.TRIMMED", name="TRIMMED", subjects=["trimmed"], storage=storage, max_msgs=5)
    await session.good("STREAM.CREATE.QUEUE", name="QUEUE", subjects=["queue"], storage=storage, retention="workqueue")
    for i in range(10):
        for stream in ("emptied", "trimmed", "queue"):
            await session.publish(stream, f"{i}".encode())
    await session.good("STREAM.PURGE.EMPTIED")
    await settle(await consume(session, "QUEUE", "WORK", {}, 6), [1, 3])


async def describe(session):
    """All that a restore must bring back."""
    out = {}
    for stream in STREAMS:
        info = await session.good(f"STREAM.INFO.{stream}", deleted_details=True)
        state = info["state"]
        config = info["config"]
        if state["messages"] == 0:
            # The reference restores 0, never used, as 1, and counts a message 0 that has been deleted.
            state["first_seq"] = max(1, state["first_seq"])
            state.pop("num_deleted", None)
            state.pop("deleted", None)
        config["metadata"].pop("_nats.ver")
        out[stream] = {"config": config, "state": {k: v for k, v in state.items() if not k.endswith("_ts")}}
        messages = {}
        for seq in range(max(state["first_seq"], 1), state["last_seq"] + 1):
            answer = await session.api(f"STREAM.MSG.GET.{stream}", seq=seq)
            if "message" in answer:
                messages[seq] = answer["message"]
        out[stream]["messages"] = messages
        consumers = (await session.good(f"CONSUMER.LIST.{stream}"))["consumers"]
        out[stream]["consumers"] = {c["name"]: {
            "config": {k: v for k, v in c["config"].items() if k != "metadata"},
            "delivered": [c["delivered"][k] for k in ("consumer_seq", "stream_seq")],
            "ack_floor": [c["ack_floor"][k] for k in ("consumer_seq", "stream_seq")],
            **{k: c[k] for k in ("num_ack_pending", "num_redelivered", "num_pending")}} for c in consumers}
    return out


def same(found, expected):
    lines = [json.dumps(each, indent=1, default=str).splitlines() for each in (expected, found)]
    differences = list(difflib.unified_diff(*lines, "before", "after", lineterm="", n=2))
    assert not differences, "\n".join(differences[:40])


async def after_restore(session):
    """The streams go on: numbers, duplicates and consumers."""
    assert (await session.publish("full.new", b"x"))["seq"] == 401
    assert (await session.publish("emptied", b"x"))["seq"] == 11
    assert (await session.publish("empty", b"x"))["seq"] == 1
    inbox = session.client.new_inbox()
    got = await session.client.subscribe(inbox)
    await session.client.publish("$JS.API.CONSUMER.MSG.NEXT.FULL.FRESH", b"1", inbox)
    message = await got.next_msg(5)
    assert base64.b64encode(message.data) and message.subject == "full.2"


async def snapshot(session, stream, **options):
    """A backup on the wire: (answer, bytes, headers of the end)."""
    inbox = session.client.new_inbox()
    chunks = await session.client.subscribe(inbox)
    answer = await session.good(f"STREAM.SNAPSHOT.{stream}", deliver_subject=inbox, **options)
    data = b""
    while True:
        message = await chunks.next_msg(10)
        if not message.data:
            return answer, data, message.headers
        data += message.data
        if message.reply:
            await message.respond(b"")


async def restore(session, stream, answer, data, chunk=64 * 1024):
    begun = await session.good(f"STREAM.RESTORE.{stream}", config=answer["config"], state=answer["state"])
    subject = begun["deliver_subject"]
    assert re.fullmatch(rf"\$JS\.SNAPSHOT\.RESTORE\.{stream}\.\w{{22}}", subject)
    for at in range(0, len(data), chunk):
        assert (await session.client.request(subject, data[at:at + chunk], 10)).data == b""
    return json.loads((await session.client.request(subject, b"", 30)).data)


@pytest.mark.parametrize("pair", PAIRS)
def test_streams_are_the_same_after_backup_and_restore_with_the_cli(pair, tmp_path):
    source, target = PAIRS[pair]
    with Server(tmp_path / "source", source) as server:
        run(server, fill)
        before = run(server, describe)
        for stream in STREAMS:
            cli(server, tmp_path, "stream", "backup", stream, str(tmp_path / stream), "--consumers", "--no-progress")
    with Server(tmp_path / "target", target) as server:
        for stream in STREAMS:
            cli(server, tmp_path, "stream", "restore", str(tmp_path / stream), "--no-progress")

        same(run(server, describe), before)
        run(server, after_restore)
        kept = run(server, describe)
        server.kill()
        server.start()
        same(run(server, describe), kept)  # a restored stream survives a kill


@pytest.mark.parametrize("pair", PAIRS)
def test_an_account_is_the_same_after_backup_and_restore_with_the_cli(pair, tmp_path):
    source, target = PAIRS[pair]
    with Server(tmp_path / "source", source) as server:
        run(server, fill)
        before = run(server, describe)
        cli(server, tmp_path, "account", "backup", str(tmp_path / "account"), "--consumers", "--force")
    with Server(tmp_path / "target", target) as server:
        cli(server, tmp_path, "account", "restore", str(tmp_path / "account"))

        same(run(server, describe), before)


@pytest.mark.parametrize("pair", PAIRS)
def test_memory_streams_are_the_same_after_backup_and_restore_on_the_wire(pair, tmp_path):
    source, target = PAIRS[pair]

    async def back(session):
        return {stream: await snapshot(session, stream, chunk_size=4096, window_size=16384) for stream in STREAMS}

    async def again(session):
        for stream, (answer, data, _) in backups.items():
            created = await restore(session, stream, answer, data, chunk=5000)
            assert "error" not in created, created

    with Server(tmp_path / "source", source) as server:
        run(server, lambda session: fill(session, storage="memory"))
        before = run(server, describe)
        backups = run(server, back)
    with Server(tmp_path / "target", target) as server:
        run(server, again)

        same(run(server, describe), before)
        run(server, after_restore)


def test_requests_and_chunks_are_answered_as_by_the_reference(tmp_path):
    async def everything(session):
        await fill(session)
        seen = []
        for stream, body in (("FULL", {}), ("FULL", {"deliver_subject": "a.*"}), ("FULL", {"deliver": 1}),
                             ("NONE", {"deliver_subject": "x"}), ("NONE", {})):
            seen.append(await session.api(f"STREAM.SNAPSHOT.{stream}", **body))
        for stream, body in (("FULL", {}), ("NEW", {"config": {"name": "OTHER"}}), ("FULL", {"config": {"name": "FULL"}}),
                             ("NEW", {"config": {"name": "NEW", "max_age": 5}}), ("NEW", {"conf": 1})):
            seen.append(await session.api(f"STREAM.RESTORE.{stream}", **body))
        for options in ({}, {"no_consumers": True}, {"chunk_size": 1024, "window_size": 1024}):
            answer, _, end = await snapshot(session, "FULL", **options)
            seen += [answer, end]
            answer, _, end = await snapshot(session, "EMPTY", **options)
            seen += [answer, end]
        answer, data, _ = await snapshot(session, "FULL")
        data = shared.setdefault("data", data)
        config = {**answer["config"], "subjects": ["other"]}
        for bad in (b"", b"rubbish that is no archive", data[:20], data[:-1], data[:len(data) // 2],
                    data[:200] + b"?" + data[201:]):
            for name in ("NEW", "FULL"):
                begun = await session.api(f"STREAM.RESTORE.{name}", config={**config, "name": name})
                if "error" in begun:
                    seen.append(begun)
                    continue
                subject = begun["deliver_subject"]
                for at in range(0, len(bad), 1000):
                    seen.append((await session.client.request(subject, bad[at:at + 1000], 10)).data)
                seen.append(json.loads((await session.client.request(subject, b"", 10)).data))
                await session.api(f"STREAM.DELETE.{name}")  # the reference leaves what it has read
        return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", json.dumps(seen, default=repr, indent=1))

    shared = {}  # the bad archives are made of the reference's bytes for both
    transcripts = {}
    for name, binary in (("reference", PEER), ("weir", WEIR)):
        with Server(tmp_path / name, binary) as server:
            transcripts[name] = run(server, everything).splitlines()
    same(transcripts["weir"], transcripts["reference"])
