"""What was acknowledged is there after a restart and after SIGKILL."""
import json
import shutil
import threading
import time

import pytest

from harness.wire_client import WireClient


@pytest.fixture(params=["stop", "kill"])
def again(request):
    """Ends a server in one of two ways and starts it again."""
    def end_and_start(server):
        if request.param == "stop":
            assert server.stop() == 0
        else:
            server.kill()
        server.start()
    return end_and_start


def create(client, name, **config):
    answer = client.request(f"$JS.API.STREAM.CREATE.{name}", {"name": name, "subjects": [f"{name}.>"]} | config)
    assert "error" not in answer, answer
    return answer


def add_consumer(client, stream, name, **config):
    answer = client.request(f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.{name}", {
        "stream_name": stream, "config": {"durable_name": name, "ack_policy": "explicit"} | config})
    assert "error" not in answer, answer
    return answer


def fetch(client, stream, consumer, batch):
    """Up to `batch` messages that are there now: (subject, ack subject, payload)."""
    client.send(f"SUB _INBOX.fetch.{id(client)} 50\r\n")
    body = f'{{"batch":{batch},"no_wait":true}}'
    client.send(f"PUB $JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer} _INBOX.fetch.{id(client)} {len(body)}\r\n{body}\r\n")
    found = []
    while len(found) < batch:
        item = client.next()
        if item[0] == "HMSG" and item[4].startswith(b"NATS/1.0 4"):
            break
        found.append((item[1], item[3], item[-1]))
    client.send("UNSUB 50\r\n")
    return found


def test_messages_limits_and_sequences_come_back(start_server, again):
    server = start_server()
    with WireClient(server.port) as client:
        before = create(client, "KEEP", max_msgs=50, description="kept")["config"]
        for n in range(80):
            assert client.request(f"KEEP.{n % 3}", f"message {n}")["seq"] == n + 1
        assert client.request("$JS.API.STREAM.MSG.DELETE.KEEP", {"seq": 40})["success"] is True
        state = client.request("$JS.API.STREAM.INFO.KEEP")["state"]

    again(server)

    with WireClient(server.port) as client:
        info = client.request("$JS.API.STREAM.INFO.KEEP")
        assert info["config"] == before
        if not server.is_weir and info["state"]["messages"] > state["messages"]:
            pytest.xfail("the reference, killed, may bring back what a limit had removed")
        assert {key: info["state"][key] for key in state} == state
        got = client.request("$JS.API.STREAM.MSG.GET.KEEP", {"seq": 60})["message"]
        assert (got["subject"], got["data"]) == ("KEEP.2", "bWVzc2FnZSA1OQ==")
        assert client.request("$JS.API.STREAM.MSG.GET.KEEP", {"seq": 40})["error"]["err_code"] == 10037
        assert client.request("KEEP.x", "next")["seq"] == 81


def test_a_purge_stays_purged(start_server, again):
    server = start_server()
    with WireClient(server.port) as client:
        create(client, "PURGED")
        for n in range(30):
            client.request(f"PURGED.{n % 2}", "x")
        assert client.request("$JS.API.STREAM.PURGE.PURGED", {"filter": "PURGED.1"})["purged"] == 15
        assert client.request("$JS.API.STREAM.PURGE.PURGED", {"keep": 5})["purged"] == 10

    again(server)

    with WireClient(server.port) as client:
        state = client.request("$JS.API.STREAM.INFO.PURGED")["state"]
        assert (state["messages"], state["last_seq"]) == (5, 30)
        assert client.request("PURGED.0", "x")["seq"] == 31


def test_a_message_id_is_still_known(start_server, again):
    server = start_server()
    block = b"NATS/1.0\r\nNats-Msg-Id: once\r\n\r\n"

    def publish(client):
        client.send(b"SUB _INBOX.i 1\r\nUNSUB 1 1\r\nHPUB IDS.x _INBOX.i %d %d\r\n%shello\r\n" % (
            len(block), len(block) + 5, block))
        return json.loads(client.next()[-1])

    with WireClient(server.port) as client:
        create(client, "IDS")
        assert publish(client) == {"stream": "IDS", "seq": 1}

    again(server)

    with WireClient(server.port) as client:
        assert publish(client) == {"stream": "IDS", "seq": 1, "duplicate": True}
        assert client.request("$JS.API.STREAM.INFO.IDS")["state"]["messages"] == 1


def test_a_consumer_goes_on_where_it_was(start_server, again):
    server = start_server()
    with WireClient(server.port) as client:
        create(client, "WORK")
        add_consumer(client, "WORK", "C", ack_wait=1_000_000_000)
        for n in range(10):
            client.request("WORK.x", str(n))
        messages = fetch(client, "WORK", "C", 6)
        assert [m[2] for m in messages] == [b"%d" % n for n in range(6)]
        for _, ack, _ in messages[:4]:
            # A double ack: its answer says that the server has taken it.
            client.send(f"SUB _INBOX.ack 8\r\nUNSUB 8 1\r\nPUB {ack} _INBOX.ack 4\r\n+ACK\r\n")
            client.next()
        # Consumer state rides in the next commit.
        client.request("WORK.x", "10")

    again(server)

    with WireClient(server.port) as client:
        info = client.request("$JS.API.CONSUMER.INFO.WORK.C")
        assert info["ack_floor"]["stream_seq"] <= 4
        seen = set()
        for _ in range(40):
            for _, ack, payload in fetch(client, "WORK", "C", 20):
                seen.add(int(payload))
                client.send(f"PUB {ack} 4\r\n+ACK\r\n")
            client.ping()
            if {4, 5, 6, 7, 8, 9, 10} <= seen:
                break
            time.sleep(0.1)
        assert {4, 5, 6, 7, 8, 9, 10} <= seen, "what was not acknowledged must be delivered again"
        assert client.request("$JS.API.CONSUMER.INFO.WORK.C")["ack_floor"]["stream_seq"] == 11


def test_memory_streams_are_gone_and_file_streams_stay(start_server, again):
    server = start_server()
    with WireClient(server.port) as client:
        create(client, "DISK")
        create(client, "RAM", storage="memory")
        create(client, "DELETED")
        assert client.request("$JS.API.STREAM.DELETE.DELETED")["success"] is True

    again(server)

    with WireClient(server.port) as client:
        assert client.request("$JS.API.STREAM.NAMES")["streams"] == ["DISK"]


@pytest.mark.parametrize("settings", ["", 'key: "a key", cipher: chacha', "sync_interval: 1s"])
def test_the_server_is_there_before_its_streams(start_server, settings):
    """After SIGKILL STREAM.INFO is right at once, and what needs the messages is done in order."""
    server = start_server(jetstream=settings)
    count, piece = 150_000, 5_000
    with WireClient(server.port) as client:
        create(client, "MANY", allow_direct=True)
        add_consumer(client, "MANY", "C", filter_subject="MANY.last")
        for begin in range(0, count, piece):
            client.send("".join(f"PUB MANY.{n} 1\r\nx\r\n" for n in range(begin, begin + piece)))
            assert client.request("MANY.last", "y")["seq"] == begin + piece + begin // piece + 1
        assert client.request("$JS.API.STREAM.PURGE.MANY", {"seq": 1000})["purged"] == 999
        assert client.request("$JS.API.STREAM.MSG.DELETE.MANY", {"seq": 2000})["success"] is True
        state = client.request("$JS.API.STREAM.INFO.MANY")["state"]
        assert (state["messages"], state["num_deleted"]) == (count + count // piece - 1000, 1)

    server.kill()
    server.start()
    with WireClient(server.port) as client:
        assert client.request("$JS.API.STREAM.INFO.MANY")["state"] == state
    server.kill()  # in the middle of reading, or at its end
    server.start()
    with WireClient(server.port) as client:
        assert client.request("$JS.API.STREAM.INFO.MANY")["state"] == state
        assert client.request("$JS.API.STREAM.LIST")["streams"][0]["state"] == state
        assert client.request("MANY.last", "z")["seq"] == state["last_seq"] + 1
        info = client.request("$JS.API.STREAM.INFO.MANY", {"subjects_filter": "MANY.last"})
        assert info["state"]["subjects"] == {"MANY.last": count // piece + 1}
        assert len(fetch(client, "MANY", "C", 100)) == count // piece + 1
        assert client.request("$JS.API.STREAM.MSG.GET.MANY", {"seq": 2000})["error"]["err_code"] == 10037
        state = client.request("$JS.API.STREAM.INFO.MANY")["state"]
    assert server.stop() == 0
    server.start()
    with WireClient(server.port) as client:
        assert client.request("$JS.API.STREAM.INFO.MANY")["state"] == state


def test_every_ack_survives_a_kill_in_full_flight(start_server):
    """Four publishers with a window each; SIGKILL in the middle, three times over."""
    server = start_server(workers=2)
    with WireClient(server.port) as client:
        create(client, "FLIGHT")
    acked = {}

    def publish(round_number, number):
        client = WireClient(server.port)
        inbox = f"_INBOX.f.{round_number}.{number}"
        client.send(f"SUB {inbox}.* 1\r\n")
        sent = 0
        try:
            while True:
                text = f"{round_number}-{number}-{sent}"
                client.send(f"PUB FLIGHT.x {inbox}.{text} {len(text)}\r\n{text}\r\n")
                sent += 1
                while sent - received[number] > 100:
                    item = client.next()
                    acked[json.loads(item[-1])["seq"]] = item[1].rsplit(".", 1)[1]
                    received[number] += 1
        except (OSError, AssertionError):
            client.close()

    for round_number in range(3):
        received = [0] * 4
        threads = [threading.Thread(target=publish, args=(round_number, n)) for n in range(4)]
        for thread in threads:
            thread.start()
        while sum(received) < 2000 and any(thread.is_alive() for thread in threads):
            time.sleep(0.005)
        server.kill()
        for thread in threads:
            thread.join()
        server.start()

    with WireClient(server.port) as client:
        add_consumer(client, "FLIGHT", "READ", ack_policy="none")
        stored = {}
        while messages := fetch(client, "FLIGHT", "READ", 2000):
            for _, ack, payload in messages:
                stored[int(ack.split(".")[5])] = payload.decode()
    lost = {seq: text for seq, text in acked.items() if stored.get(seq) != text}
    assert len(acked) >= 6000
    assert not lost, f"{len(lost)} of {len(acked)}: {dict(list(lost.items())[:5])}"


def test_server_whose_disk_takes_nothing_any_more_stops_all_the_same(start_server):
    """RocksDB tries again for ever to write what is in memory, and would wait for that at the end."""
    server = start_server()
    if not server.is_weir:
        pytest.skip("about Weir's store")
    with WireClient(server.port) as client:
        create(client, "GONE")
        for n in range(5):
            assert client.request("GONE.a", f"message {n}")["seq"] == n + 1
        shutil.rmtree(server.store)
        began = time.monotonic()
        server.stop(seconds=10)
        assert time.monotonic() - began < 8
