"""Stores that earlier versions have written open for ever. Each is an archive in tests/data/stores with what is in it
beside it. A new version of the layout adds one:

    WEIR_BIN=… python tests/integration/test_old_stores.py v2
"""
import glob
import json
import os
import sys
import tarfile

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from harness.server import TOP, Server  # noqa: E402
from harness.stream_reader import read_stream  # noqa: E402
from harness.wire_client import WireClient  # noqa: E402

STORES = os.path.join(TOP, "tests/data/stores")
SETTINGS = {"plain": "", "chacha": 'key: "of the first days", cipher: chacha',
            "aes": 'key: "of the first days", cipher: aes'}
STREAMS = ("PLAIN", "PACKED", "LARGE", "WORK")


def ask(client, subject, body=None):
    answer = client.request(subject, body or {})
    assert "error" not in answer, answer
    return answer


def describe(client):
    """What of the streams must stay as it is."""
    out = {}
    for name in STREAMS:
        info = ask(client, f"$JS.API.STREAM.INFO.{name}", {"deleted_details": True, "subjects_filter": ">"})
        out[name] = {"state": info["state"], "config": info["config"]}
        if name != "WORK":
            out[name]["messages"] = {str(seq): text[:100] for seq, text in read_stream(client, name).items()}
    consumer = ask(client, "$JS.API.CONSUMER.INFO.WORK.C")
    out["C"] = {key: consumer[key] for key in ("delivered", "ack_floor", "num_ack_pending", "num_pending")}
    for position in (out["C"]["delivered"], out["C"]["ack_floor"]):
        position.pop("last_active", None)
    return out


def first_half(client):
    for name, more in (("PLAIN", {}), ("PACKED", {"compression": "s2"}), ("LARGE", {}),
                       ("WORK", {"retention": "workqueue"})):
        ask(client, f"$JS.API.STREAM.CREATE.{name}", {"name": name, "subjects": [f"{name}.>"]} | more)
    for n in range(60):
        ask(client, f"PLAIN.{n % 5}", f"message {n}")
        ask(client, f"PACKED.{n % 3}", f"again {n} " * 40)
    ask(client, "LARGE.a", "L" * 100_000)
    for seq in (3, 4, 20):
        ask(client, "$JS.API.STREAM.MSG.DELETE.PLAIN", {"seq": seq, "no_erase": seq != 20})
    ask(client, "$JS.API.STREAM.PURGE.PACKED", {"seq": 11})
    ask(client, "$JS.API.CONSUMER.DURABLE.CREATE.WORK.C",
        {"stream_name": "WORK", "config": {"durable_name": "C", "ack_policy": "explicit", "ack_wait": 3600 * 10**9}})


def second_half(client):
    for n in range(20):
        ask(client, f"PLAIN.{n % 7}", f"late {n}")
        ask(client, "WORK.x", f"work {n}")
    client.send("SUB _INBOX.w.> 8\r\n")
    client.send("PUB $JS.API.CONSUMER.MSG.NEXT.WORK.C _INBOX.w.m 2\r\n10\r\n")
    taken = [client.next() for _ in range(10)]
    for n in (0, 1, 5):
        client.send(f"PUB {taken[n][3]} _INBOX.w.done 4\r\n+ACK\r\n")
        assert client.next()[1] == "_INBOX.w.done"


def write_store(version, kind, work):
    server = Server(work, jetstream=SETTINGS[kind])
    for half in (first_half, second_half):
        server.start()
        with WireClient(server.port) as client:
            half(client)
            content = describe(client)
        if half is first_half:
            server.stop()
    server.kill()
    name = os.path.join(STORES, f"{version}-{kind}")
    with tarfile.open(f"{name}.tar.xz", "w:xz") as archive:
        archive.add(server.store, "store")
    with open(f"{name}.json", "w", encoding="utf-8") as f:
        json.dump(content, f, indent=1, sort_keys=True)
        f.write("\n")


def kept():
    return sorted(os.path.basename(path)[:-len(".tar.xz")] for path in glob.glob(f"{STORES}/*.tar.xz"))


def test_there_are_kept_stores():
    assert {"v1-plain", "v1-chacha", "v1-aes"} <= set(kept())


@pytest.mark.parametrize("name", kept())
def test_a_kept_store_opens_and_has_everything(tmp_path, name):
    with tarfile.open(f"{STORES}/{name}.tar.xz") as archive:
        archive.extractall(tmp_path)
    with open(f"{STORES}/{name}.json", encoding="utf-8") as f:
        content = json.load(f)
    with Server(tmp_path / "s", store=tmp_path / "store", jetstream=SETTINGS[name.split("-")[1]]) as server:
        with WireClient(server.port) as client:
            assert describe(client) == content
            ask(client, "PLAIN.new", "goes on")
        assert "store:" not in server.log(), server.log()


if __name__ == "__main__":
    import tempfile
    for each in SETTINGS:
        with tempfile.TemporaryDirectory() as scratch:
            write_store(sys.argv[1], each, scratch)
