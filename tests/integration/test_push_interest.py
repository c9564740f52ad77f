"""Push consumers and those who listen to them: who counts as a listener, and how soon one is noticed."""
import statistics
import time

import pytest

from harness.server import Server
from harness.wire_client import WireClient


@pytest.fixture(scope="module", params=[1, 4], ids=["1 worker", "4 workers"])
def port(request, tmp_path_factory):
    with Server(tmp_path_factory.mktemp("server"), workers=request.param) as running, \
            WireClient(running.port) as admin:
        answer = admin.request("$JS.API.STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"]})
        assert "error" not in answer, answer
        assert "error" not in admin.request("s.1", "first")
        yield running.port


def make_consumer(client, name, **config):
    config = {"durable_name": name, "deliver_subject": f"push.{name}", "ack_policy": "none", **config}
    answer = client.request(f"$JS.API.CONSUMER.CREATE.S.{name}", {"stream_name": "S", "config": config})
    assert "error" not in answer, answer


def bound(client, name):
    return client.request(f"$JS.API.CONSUMER.INFO.S.{name}").get("push_bound", False)


def wait_until_bound(client, name, wanted):
    deadline = time.monotonic() + 5
    while bound(client, name) != wanted:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_the_first_message_comes_at_once_to_a_listener_that_comes_late(port):
    waits = []
    with WireClient(port) as admin, WireClient(port) as listener:
        for n in range(20):
            make_consumer(admin, f"late{n}", mem_storage=True)
        time.sleep(2.5)  # none of them is new any more
        for n in range(20):
            begin = time.monotonic()
            listener.send(f"SUB push.late{n} {n}\r\n")
            assert listener.next()[-1] == b"first"
            waits.append(time.monotonic() - begin)
    assert statistics.median(waits) < 0.01, waits


def test_a_listener_that_went_and_came_back_gets_the_rest(port):
    with WireClient(port) as admin, WireClient(port) as listener:
        make_consumer(admin, "back", deliver_policy="new")
        for n in range(20):
            listener.send("SUB push.back 1\r\n")
            listener.ping()
            admin.send(f"PUB s.2 2\r\n{n:02}\r\n")
            assert listener.next()[-1] == b"%02d" % n
            listener.send("UNSUB 1\r\n")
            listener.ping()
            wait_until_bound(admin, "back", False)


@pytest.mark.parametrize("group, subscription, counts", [
    ("", "push.{0}", True), ("", "push.*", False), ("", "push.{0} g", False),
    ("g", "push.{0} g", True), ("g", "push.{0}", False), ("g", "push.{0} h", False), ("g", "push.* g", False)])
def test_a_listener_is_who_subscribes_exactly_the_subject_in_the_group(port, group, subscription, counts):
    """As in the reference: subscriptions to patterns only get what others wait for."""
    name = "who" + "".join(letter for letter in group + subscription if letter.isalpha())
    name += "x" * subscription.count("*")
    with WireClient(port) as admin, WireClient(port) as listener:
        listener.send(f"SUB {subscription.format(name)} 1\r\n")
        listener.ping()
        make_consumer(admin, name, **({"deliver_group": group} if group else {}))
        assert bound(admin, name) == counts
        if counts:
            assert listener.next()[-1] == b"first"
        else:
            listener.send(f"SUB push.{name} {group} 2\r\n")
            wait_until_bound(admin, name, True)
            assert listener.next()[-1] == b"first"
        admin.request(f"$JS.API.CONSUMER.DELETE.S.{name}")
