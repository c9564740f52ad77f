"""Several workers: connections live on different threads, and nobody can tell."""
import threading

import pytest

from harness.server import Server
from harness.wire_client import WireClient


@pytest.fixture(scope="module", params=[1, 2, 4])
def workers_server(request, tmp_path_factory):
    with Server(tmp_path_factory.mktemp("server"), workers=request.param) as running:
        yield running


@pytest.fixture
def clients(workers_server):
    made = [WireClient(workers_server.port) for _ in range(8)]
    yield made
    for client in made:
        client.close()


def test_a_subscription_is_there_for_all_once_pong_came(clients):
    """PING/PONG is a barrier across connections: whatever is published after it is delivered."""
    for round_number in range(200):
        reader = clients[round_number % 8]
        reader.send(f"SUB barrier.{round_number} {round_number}\r\n")
        assert reader.ping() == []
        for number, writer in enumerate(clients):
            writer.send(f"PUB barrier.{round_number} 1\r\n{number}\r\n")
        for writer in clients:
            if writer is not reader:
                assert writer.ping() == []
        got = reader.ping()
        assert sorted(item[4] for item in got) == [b"%d" % n for n in range(8)], f"round {round_number}"
        reader.send(f"UNSUB {round_number}\r\n")


def test_what_was_flushed_before_an_unsubscribe_still_arrives(clients):
    """The publisher saw its PONG, so the message is on its way: UNSUB and PONG come behind it."""
    reader, *writers = clients
    for round_number in range(200):
        writer = writers[round_number % 7]
        reader.send(f"SUB flushed {round_number}\r\n")
        reader.ping()
        writer.send("PUB flushed 1\r\nx\r\n")
        writer.ping()
        reader.send(f"UNSUB {round_number}\r\n")
        assert reader.ping() == [("MSG", "flushed", str(round_number), None, b"x")], f"round {round_number}"


def test_fan_out_reaches_every_connection_once(clients):
    for client in clients:
        client.send("SUB fan.> 1\r\nSUB fan.out 2\r\n")
        client.ping()

    writer = clients[3]
    writer.send("PUB fan.out 3\r\nabc\r\n" * 500)
    received = [writer.ping()] + [client.ping() for client in clients if client is not writer]

    assert [sorted(item[2] for item in got) for got in received] == [["1"] * 500 + ["2"] * 500] * 8


def test_a_group_spread_over_workers_gets_each_message_once(clients):
    writer, *members = clients
    for member in members:
        member.send("SUB jobs group 1\r\n")
        member.ping()

    writer.send("".join(f"PUB jobs {len(str(n))}\r\n{n}\r\n" for n in range(3000)))
    writer.ping()

    got = [[int(item[4]) for item in member.ping()] for member in members]
    assert sorted(n for numbers in got for n in numbers) == list(range(3000))
    assert all(numbers == sorted(numbers) and len(numbers) > 100 for numbers in got)


def test_order_holds_when_everybody_publishes_to_everybody(clients):
    for client in clients:
        client.send("SUB all 1\r\n")
        client.ping()

    def publish(number):
        clients[number].send("".join(f"PUB all {len(f'{number} {n}')}\r\n{number} {n}\r\n" for n in range(500)))

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for client in clients:
        seen = {}
        for _ in range(8 * 500):
            sender, n = client.next()[4].split()
            assert int(n) == seen.get(sender, -1) + 1
            seen[sender] = int(n)
        assert set(seen.values()) == {499}


def test_requests_across_connections(clients):
    service, *askers = clients
    service.send("SUB svc.* 1\r\n")
    service.ping()
    for round_number in range(50):
        for number, asker in enumerate(askers):
            asker.send(f"SUB _INBOX.{number}.{round_number} {round_number}\r\nUNSUB {round_number} 1\r\n"
                       f"PUB svc.{number} _INBOX.{number}.{round_number} 1\r\n?\r\n")
        for _ in askers:
            _, subject, _, reply, _ = service.next()
            service.send(f"PUB {reply} {len(subject)}\r\n{subject}\r\n")
        for number, asker in enumerate(askers):
            asker.expect(("MSG", f"_INBOX.{number}.{round_number}", str(round_number), None, b"svc.%d" % number))


def test_streams_and_their_clients_on_different_workers(clients):
    admin, *writers = clients
    name = f"SPREAD{id(clients)}"
    assert "error" not in admin.request(f"$JS.API.STREAM.CREATE.{name}", {"name": name, "subjects": [f"{name}.>"]})

    for n in range(100):
        writer = writers[n % 7]
        ack = writer.request(f"{name}.x", f"message {n}")
        assert ack == {"stream": name, "seq": n + 1}

    state = admin.request(f"$JS.API.STREAM.INFO.{name}")["state"]
    assert (state["messages"], state["first_seq"], state["last_seq"]) == (100, 1, 100)
    assert admin.request(f"$JS.API.STREAM.DELETE.{name}")["success"] is True


def test_a_reader_that_does_not_read_is_cut_and_hurts_nobody(start_server):
    server = start_server(workers=2, config="max_pending: 2MB")
    with WireClient(server.port) as slow, WireClient(server.port) as good, WireClient(server.port) as writer:
        slow.send("SUB flood 1\r\n")
        good.send("SUB other 1\r\n")
        slow.ping(), good.ping()

        for _ in range(60):
            writer.send(b"PUB flood 500000\r\n" + b"x" * 500000 + b"\r\n")
            writer.ping(20)

        writer.send("PUB other 2\r\nok\r\n")
        good.expect(("MSG", "other", "1", None, b"ok"))
        server.wait_for_log("Slow Consumer")
        with pytest.raises(ConnectionError):
            while True:
                slow.read_bytes(100000)
