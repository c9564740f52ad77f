"""Monitoring pages (monitoring.md 1 to 12): the same keys in the same order, types and answers as the
reference in the same small scenario."""
import json
import socket

import pytest
from harness.monitoring import get, page, shape
from harness.server import PEER, WEIR, Server, free_port
from harness.wire_client import WireClient

CONFIG = """
max_payload: 65536
server_tags: ["a:b", "c"]
accounts {
  SYS { users: [ { user: sys, password: sys } ] }
  APP { jetstream: enabled, users: [ { user: app, password: app } ], mappings: { "map.in.*": "map.out.$1" } }
  OTHER { jetstream { max_mem: 1MB, max_file: 1MB, max_streams: 1, max_consumers: 2 }
          users: [ { user: other, password: other } ] }
}
system_account: SYS
"""


class Side:
    """One server with its pages and the clients of the scenario."""

    def __init__(self, directory, binary):
        self.http = free_port()
        self.server = Server(directory, binary, config=CONFIG + f'http: "127.0.0.1:{self.http}"').start()
        self.clients = []
        app = self.connect(user="app", name="publisher", lang="python", version="1.0")
        listener = self.connect(user="app", name="listener")
        listener.send("SUB core.> 1\r\nSUB core.q workers 2\r\nUNSUB 2 10\r\n")
        listener.ping()
        app.send("SUB _INBOX.x 9\r\n")
        stream = {"name": "S", "subjects": ["s.>"]}
        app.request("$JS.API.STREAM.CREATE.S", json.dumps(stream))
        consumer = {"stream_name": "S", "config": {"durable_name": "C", "ack_policy": "explicit"}}
        app.request("$JS.API.CONSUMER.DURABLE.CREATE.S.C", json.dumps(consumer))
        for i in range(3):
            app.request(f"s.{i}", "hello")
        app.send("PUB core.a 5\r\nhello\r\n")
        app.ping()
        gone = self.connect(user="app", name="gone")
        gone.send("SUB left.behind 1\r\n")
        gone.ping()
        gone.close()

    def connect(self, user, **options):
        client = WireClient(self.server.port, user=user, **{"pass": user}, **options)
        client.ping()
        self.clients.append(client)
        return client

    def close(self):
        for client in self.clients:
            client.close()
        self.server.kill()


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    ours = Side(tmp_path_factory.mktemp("ours"), WEIR)
    peer = Side(tmp_path_factory.mktemp("peer"), PEER)
    yield ours, peer
    ours.close()
    peer.close()


PAGES = ["/varz"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_the_references_keys_in_their_order(sides, path):
    ours, peer = (page(side.http, path) for side in sides)

    assert shape(ours, skip=SKIP) == shape(peer, skip=SKIP)


# Members whose keys are a matter of what was asked before.
SKIP = {"http_req_stats", "stalls"}

REFUSED = ["/varz/", "/nope", "/healthz?details=x", "/healthz?js-enabled-only=2", "//varz?x=1", "/a/../varz",
           "/healthz?stream=S", "/healthz?account=APP&consumer=C", "/healthz?account=X",
           "/healthz?account=APP&stream=N", "/healthz?account=APP&stream=S&consumer=N",
           "/healthz?account=APP&stream=S&consumer=C", "/healthz?account=X&details=1",
           "/healthz?account=APP&stream=N&details=true", "/healthz?stream=S&details=1", "/healthz",
           "/healthz?js-enabled=1", "/healthz?js-server-only=true", "/healthz?js-meta-only=1",
           "/healthz?account=APP&stream=S", "/healthz?account=OTHER"]


@pytest.mark.parametrize("path", REFUSED)
def test_status_type_and_body_are_the_references(sides, path):
    answers = [get(side.http, path) for side in sides]
    for status, headers, _ in answers:
        assert status
        headers.pop("date")
        headers.pop("transfer-encoding", None)
        headers.pop("x-content-type-options", None)

    assert answers[0] == answers[1]


def test_every_method_is_taken_as_get_and_head_has_no_body(sides):
    for side in sides:
        assert get(side.http, "/healthz", "POST")[2] == '{"status":"ok"}'
        assert get(side.http, "/healthz", "DELETE")[0] == 200
        status, headers, body = get(side.http, "/varz", "HEAD")
        assert (status, body, headers["content-type"]) == (200, "", "application/json")


def test_the_index_links_to_the_pages(sides):
    for side in sides:
        _, headers, body = get(side.http, "/")
        assert headers["content-type"] == "text/html; charset=utf-8"
        for name in ("varz", "jsz", "connz", "accountz", "subsz", "healthz", "debug/vars"):
            assert f"<a href=./{name}" in body


def test_varz_counts(sides):
    for side in sides:
        varz = page(side.http, "/varz")
        assert varz["connections"] == 2
        assert varz["total_connections"] == 3
        assert varz["in_msgs"] == 6
        assert varz["out_msgs"] == 6
        assert varz["jetstream"]["stats"]["accounts"] == 2
        assert varz["http_req_stats"]["/varz"] >= 1
        assert varz["tags"] == ["a:b", "c"]


def test_the_pages_may_stand_under_a_base_path(start_server):
    port = free_port()
    start_server(config=f'http: "127.0.0.1:{port}"\nhttp_base_path: "mon/itor/"')

    assert page(port, "/mon/itor/varz")["http_base_path"] == "mon/itor/"
    assert get(port, "/mon/itor")[0] == 200
    assert get(port, "/varz")[0] == 404
    assert page(port, "/mon/itor/varz")["http_req_stats"] == {"/": 1, "/varz": 2}


def test_a_monitoring_port_in_use_ends_the_start(start_server, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for binary in (WEIR, PEER):
            server = Server(tmp_path / binary.replace("/", "_"), binary, config=f'http: "127.0.0.1:{port}"')
            with pytest.raises(AssertionError, match="ended with 1"):
                server.start()
            assert (f"Can't start monitoring: can't listen to the monitor port: listen tcp 127.0.0.1:{port}: "
                    "bind: address already in use") in server.log()
