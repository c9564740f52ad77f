"""Core NATS over raw bytes: what protocol.md says, seen from a socket."""
import pytest

from harness.wire_client import WireClient


@pytest.fixture
def connect(server):
    clients = []

    def make(**options):
        clients.append(WireClient(server.port, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def test_info_says_who_and_what(connect):
    info = connect().info

    assert info["server_name"] == "S1"
    assert info["version"].startswith("2.15.")
    assert info["proto"] == 1
    assert info["headers"] is True
    assert info["jetstream"] is True
    assert info["max_payload"] == 1 << 20
    assert info["server_id"].startswith("N") and len(info["server_id"]) == 56
    assert info["client_ip"] == "127.0.0.1"


def test_the_first_ping_brings_pong_then_connect_info(connect):
    client = connect()

    client.send("PING\r\n")

    assert client.read_line() == "PONG"
    assert '"connect_info":true' in client.read_line()


def test_a_message_reaches_its_subscriber_and_nobody_else(connect):
    one, other = connect(), connect()
    one.send("SUB greet.joe 1\r\n")
    other.send("SUB greet.sue 1\r\n")
    one.ping(), other.ping()

    other.send("PUB greet.joe 5\r\nhello\r\n")

    assert other.ping() == []
    one.expect(("MSG", "greet.joe", "1", None, b"hello"))
    assert one.ping() == []


@pytest.mark.parametrize("pattern, subject, matches", [
    ("a.*.c", "a.b.c", True), ("a.*.c", "a.b.d", False), ("a.*", "a.b.c", False), ("a.>", "a.b.c", True),
    ("a.>", "a", False), (">", "anything", True), ("*", "one", True), ("*", "one.two", False),
    ("a.*b", "a.xb", False), ("a.*b", "a.*b", True), ("*.*.>", "x.y", False), ("*.*.>", "x.y.z", True),
])
def test_wildcards(connect, pattern, subject, matches):
    client = connect()
    client.send(f"SUB {pattern} 7\r\nPUB {subject} 1\r\nx\r\n")

    assert client.ping() == ([("MSG", subject, "7", None, b"x")] if matches else [])


def test_a_queue_group_gets_each_message_once(connect):
    members, publisher = [connect() for _ in range(3)], connect()
    for member in members:
        member.send("SUB work.* group 1\r\n")
        member.ping()

    publisher.send("PUB work.a 2\r\nhi\r\n" * 300)
    publisher.ping()

    counts = [len(member.ping()) for member in members]
    assert sum(counts) == 300
    assert all(count > 40 for count in counts), counts


def test_one_queue_name_is_one_group_across_patterns(connect):
    client = connect()
    client.send("SUB q.* g 1\r\nSUB q.a g 2\r\nSUB q.a 3\r\nPUB q.a 1\r\nx\r\n")

    got = client.ping()

    assert len(got) == 2 and ("MSG", "q.a", "3", None, b"x") in got


def test_headers_go_through_and_are_cut_off_for_old_clients(connect):
    with_headers, without = connect(), connect(headers=False, no_responders=False)
    for client in (with_headers, without):
        client.send("SUB head 1\r\n")
        client.ping()
    block = b"NATS/1.0\r\nKey: Value\r\n\r\n"

    with_headers.send(b"HPUB head reply.to %d %d\r\n%sbody\r\n" % (len(block), len(block) + 4, block))

    with_headers.expect(("HMSG", "head", "1", "reply.to", block, b"body"))
    without.expect(("MSG", "head", "1", "reply.to", b"body"))


def test_request_and_reply(connect):
    service, client = connect(), connect()
    service.send("SUB service 1\r\n")
    service.ping()

    client.send("SUB _INBOX.x 9\r\nPUB service _INBOX.x 4\r\nping\r\n")
    _, _, _, reply, payload = service.next()
    service.send(f"PUB {reply} 4\r\npong\r\n")

    assert (reply, payload) == ("_INBOX.x", b"ping")
    client.expect(("MSG", "_INBOX.x", "9", None, b"pong"))


def test_a_request_that_nobody_hears_gets_503(connect):
    client = connect()
    client.send("SUB _INBOX.y 4\r\nPUB nobody.there _INBOX.y 0\r\n\r\n")

    client.expect(("HMSG", "_INBOX.y", "4", None, b"NATS/1.0 503\r\nNats-Subject: nobody.there\r\n\r\n", b""))


def test_no_503_for_who_did_not_ask_for_it(connect):
    client = connect(no_responders=False)
    client.send("SUB _INBOX.z 4\r\nPUB nobody.there _INBOX.z 0\r\n\r\n")

    assert client.ping() == []


def test_unsubscribe_now_and_after_a_number_of_messages(connect):
    client = connect()
    client.send("SUB u 1\r\nSUB u 2\r\nUNSUB 1 2\r\n")
    client.send("PUB u 1\r\nx\r\n" * 3)
    assert [item[2] for item in client.ping()].count("1") == 2

    client.send("UNSUB 2\r\nPUB u 1\r\nx\r\n")

    assert client.ping() == []


def test_verbose_answers_each_operation(connect):
    client = connect(verbose=True)
    client.send("SUB v 1\r\nPUB none 1\r\nx\r\nUNSUB 1\r\n")

    assert client.ping() == ["+OK"] * 4


def test_pedantic_complains_about_a_publish_subject_and_goes_on(connect):
    client = connect(pedantic=True)
    client.send("SUB p.* 1\r\nPUB p.* 1\r\nx\r\n")

    assert client.ping() == ["-ERR 'Invalid Publish Subject'", ("MSG", "p.*", "1", None, b"x")]


def test_without_echo_ones_own_messages_stay_away(connect):
    silent, other = connect(echo=False), connect()
    for client in (silent, other):
        client.send("SUB echo 1\r\n")
        client.ping()

    silent.send("PUB echo 1\r\nx\r\n")

    assert silent.ping() == []
    assert len(other.ping()) == 1


def test_an_invalid_subject_is_refused_and_the_connection_stays(connect):
    client = connect()
    client.send("SUB a..b 1\r\nSUB a.>.b 2\r\n")

    assert client.ping() == ["-ERR 'Invalid Subject'"] * 2


def test_byte_by_byte_and_all_at_once_are_the_same(connect):
    client = connect()
    text = "SUB slow.* 1\r\npub\tslow.x   5 \r\nhello\r\nPUB slow.y 0\r\n\r\n"

    for byte in text:
        client.send(byte)
    first = client.ping()
    client.send("UNSUB 1\r\n" + text)

    assert first == client.ping() == [("MSG", "slow.x", "1", None, b"hello"), ("MSG", "slow.y", "1", None, b"")]


def test_the_largest_payload_goes_through(connect):
    client = connect()
    payload = b"z" * (1 << 20)

    client.send(b"SUB big 1\r\nPUB big %d\r\n" % len(payload) + payload + b"\r\n")

    client.expect(("MSG", "big", "1", None, payload))


def test_messages_of_one_publisher_keep_their_order(connect):
    reader, writer = connect(), connect()
    reader.send("SUB order 1\r\n")
    reader.ping()

    writer.send("".join(f"PUB order {len(str(n))}\r\n{n}\r\n" for n in range(20000)))
    writer.ping()

    assert [int(item[4]) for item in reader.ping()] == list(range(20000))
