"""Monitoring pages (monitoring.md 1 to 12): the same keys in the same order, types and answers as the
reference in the same small scenario."""
import http.client
import json
import re
import socket
import ssl
import subprocess
import time

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


class Process:
    """A server that is configured by a file alone."""

    def __init__(self, binary, config):
        self.process = subprocess.Popen([binary, "-c", config], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        while b"Server is ready" not in (line := self.process.stderr.readline()):
            assert line, "ended"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    ours = Side(tmp_path_factory.mktemp("ours"), WEIR)
    peer = Side(tmp_path_factory.mktemp("peer"), PEER)
    yield ours, peer
    ours.close()
    peer.close()


PAGES = ["/varz", "/connz", "/connz?subs=1", "/connz?auth=1&subs=detail", "/connz?state=closed", "/connz?cid=999",
         "/connz?state=closed&subs=detail&auth=true", "/connz?offset=9", "/connz?acc=NONE", "/connz?user=nobody",
         "/routez", "/gatewayz", "/leafz", "/subsz", "/subsz?subs=1",
         "/subsz?acc=NONE", "/subsz?acc=NONE&subs=1", "/accountz", "/accountz?acc=APP", "/accountz?acc=OTHER",
         "/accountz?acc=SYS", "/accountz?acc=$G", "/accstatz", "/accstatz?unused=1", "/jsz", "/jsz?accounts=1",
         "/jsz?acc=APP&streams=1", "/jsz?acc=APP&streams=1&config=1", "/jsz?acc=APP&consumers=1",
         "/jsz?acc=APP&consumers=1&config=1&raft=1", "/jsz?acc=NONE&streams=1", "/jsz?consumers=true",
         "/jsz?accounts=1&limit=1&offset=1", "/jsz?accounts=1&offset=7", "/ipqueuesz"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_the_references_keys_in_their_order(sides, path):
    ours, peer = (page(side.http, path) for side in sides)

    skip = SKIP | OF_SOME_SUBSCRIPTIONS
    assert shape(ours, skip=skip) == shape(peer, skip=skip)


# Members whose keys are a matter of what was asked before.
SKIP = {"http_req_stats", "git_commit"}
OF_SOME_SUBSCRIPTIONS = {"qgroup", "max"}  # the order of a list is no promise

REFUSED = ["/connz?limit=x", "/connz?offset=1.5", "/connz?sort=foo", "/connz?state=foo", "/connz?auth=foo", "/connz?subs=x",
           "/connz?sort=stop", "/connz?sort=reason&state=all", "/connz?cid=-1", "/connz?limit=99999999999999999999",
           "/subsz?test=a..b", "/subsz?subs=maybe", "/subsz?test=a.*", "/accountz?acc=nope", "/accstatz?unused=x",
           "/jsz?limit=a", "/jsz?streams=x&config=y", "/jsz?raft=2", "/routez?subs=x", "/gatewayz?accs=x",
           "/leafz?subs=x", "/raftz", "/raftz?acc=x", "/ipqueuesz",
           "/varz/", "/nope", "/healthz?details=x", "/healthz?js-enabled-only=2", "//varz?x=1", "/a/../varz",
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


def test_connz_filters_and_tells_who(sides):
    for side in sides:
        everybody = page(side.http, "/connz?auth=1&state=all")
        assert [c["name"] for c in everybody["connections"]] == ["publisher", "listener", "gone"]
        assert everybody["total"] == 3
        assert page(side.http, "/connz?user=app&acc=APP")["num_connections"] == 2
        assert page(side.http, "/connz?acc=OTHER&state=all")["connections"] == []
        first, second, gone = everybody["connections"]
        assert (first["authorized_user"], first["account"], first["name_tag"]) == ("app", "APP", "APP")
        assert (first["lang"], first["version"], first["kind"], first["type"]) == ("python", "1.0", "Client", "nats")
        assert (second["subscriptions"], gone["reason"], gone["subscriptions"]) == (2, "Client Closed", 1)
        assert first["in_msgs"] == 6
        page_of_one = page(side.http, f"/connz?cid={second['cid']}")
        assert (page_of_one["num_connections"], page_of_one["limit"]) == (1, 1)
        assert page(side.http, f"/connz?cid={gone['cid']}")["num_connections"] == 0
        assert page(side.http, f"/connz?cid={gone['cid']}&state=any")["num_connections"] == 1


SORTS = ["cid", "start", "subs", "msgs_to", "msgs_from", "bytes_to", "bytes_from", "uptime"]


@pytest.mark.parametrize("sort", SORTS)
def test_connz_sorts_as_the_reference(sides, sort):
    ours, peer = ([c["name"] for c in page(side.http, f"/connz?sort={sort}")["connections"]] for side in sides)

    assert ours == peer


def test_connz_sorts_by_activity(sides):
    names = [c["name"] for c in page(sides[0].http, "/connz?sort=last")["connections"]]
    assert names == ["publisher", "listener"]
    names = [c["name"] for c in page(sides[0].http, "/connz?sort=idle")["connections"]]  # 2.15.1 turns it round

    assert names == ["listener", "publisher"]


def test_connz_pages(sides):
    for side in sides:
        second = page(side.http, "/connz?limit=1&offset=1")
        assert [c["name"] for c in second["connections"]] == ["listener"]
        assert (second["num_connections"], second["total"], second["offset"], second["limit"]) == (1, 2, 1, 1)


def test_subsz_finds_the_subscriptions_of_a_subject(sides):
    for side in sides:
        found = page(side.http, "/subsz?subs=1&test=core.q&acc=APP")
        assert sorted((s["subject"], s.get("qgroup"), s["sid"]) for s in found["subscriptions_list"]) == [
            ("core.>", None, "1"), ("core.q", "workers", "2")]
        assert found["total"] == 2
        assert page(side.http, "/subsz?subs=1&limit=1")["total"] > 20


def test_accounts_count_what_their_clients_do(sides):
    for side in sides:
        (app,) = page(side.http, "/accstatz")["account_statz"]
        assert (app["acc"], app["conns"], app["total_conns"]) == ("APP", 2, 2)
        assert app["received"]["msgs"] == 6
        assert app["sent"]["msgs"] == 6
        names = [a["acc"] for a in page(side.http, "/accstatz?unused=1")["account_statz"]]
        assert sorted(names) == ["$G", "APP", "OTHER", "SYS"]
        assert sorted(page(side.http, "/accountz")["accounts"]) == ["$G", "APP", "OTHER", "SYS"]


def test_jsz_tells_what_streams_hold(sides):
    for side in sides:
        jsz = page(side.http, "/jsz?acc=APP&consumers=1")
        assert (jsz["streams"], jsz["consumers"], jsz["messages"], jsz["total"]) == (1, 1, 3, 2)
        (account,) = jsz["account_details"]
        assert account["reserved_storage"] == 2**64 - 1
        (stream,) = account["stream_detail"]
        assert (stream["name"], stream["cluster"]) == ("S", {"leader": "S1"})
        assert stream["state"]["num_subjects"] == 3
        assert stream["consumer_detail"][0]["num_pending"] == 3


def test_without_jetstream_jsz_says_so(tmp_path):
    for name, binary in (("ours", WEIR), ("peer", PEER)):
        port = free_port()
        config = tmp_path / f"{name}.conf"
        config.write_text(f'listen: "127.0.0.1:{free_port()}"\nhttp: "127.0.0.1:{port}"\n')
        with Process(binary, config):
            jsz = page(port, "/jsz?streams=1")
            assert (jsz["disabled"], jsz["streams"]) == (True, 0)
            assert page(port, "/varz")["jetstream"] == {}
            assert page(port, "/healthz?js-enabled-only=1") == {"status": "ok"}


def test_expvar_and_stacks_are_there(sides):
    for side in sides:
        status, headers, body = get(side.http, "/debug/vars")
        assert (status, headers["content-type"]) == (200, "application/json; charset=utf-8")
        assert set(json.loads(body)) == {"cmdline", "memstats"}
        assert "-c" in json.loads(body)["cmdline"]
        assert get(side.http, "/stacksz")[0] == 200


def test_queues_have_the_references_names(sides):
    ours, peer = ({re.sub("(stream|consumer) '[^']*'", "x", name) for name in page(side.http, "/ipqueuesz?all=1")}
                  for side in sides)
    assert ours == peer
    for side in sides:
        assert set(page(side.http, "/ipqueuesz?all=1&queues=recvQ")) == {"System recvQ", "System recvQ Pings"}
        assert get(side.http, "/ipqueuesz?all=1")[2].startswith('{\n   "')


@pytest.mark.parametrize("workers", [1, 3])
def test_answers_join_what_all_workers_have(start_server, workers):
    port = free_port()
    server = start_server(workers=workers, config=f'http: "127.0.0.1:{port}"')
    clients = [WireClient(server.port, name=f"c{i}") for i in range(7)]
    for i, client in enumerate(clients):
        client.send("".join(f"SUB x.{i}.{n} {n}\r\n" for n in range(i)) + "PUB y 3\r\nabc\r\n")
        client.ping()

    by_subs = page(port, "/connz?sort=subs&limit=3")
    assert [c["name"] for c in by_subs["connections"]] == ["c6", "c5", "c4"]
    assert by_subs["total"] == 7
    assert page(port, "/varz")["in_msgs"] == 7
    assert page(port, "/accstatz")["account_statz"][0]["received"] | {"gateways": 0, "routes": 0, "leafs": 0} == {
        "msgs": 7, "bytes": 21, "gateways": 0, "routes": 0, "leafs": 0}
    for client in clients:
        client.close()
    deadline = time.monotonic() + 5
    while page(port, "/connz?state=closed")["total"] < 7:
        assert time.monotonic() < deadline
    stops = [c["stop"] for c in page(port, "/connz?state=closed&sort=stop")["connections"]]
    assert len(stops) == 7
    assert page(port, "/varz")["in_msgs"] == 7


def test_only_the_last_closed_connections_are_kept(start_server):
    port = free_port()
    server = start_server(config=f'http: "127.0.0.1:{port}"\nmax_closed_clients: 3')
    for i in range(5):
        with WireClient(server.port, name=f"c{i}") as client:
            client.ping()
    deadline = time.monotonic() + 5
    while page(port, "/varz")["connections"] > 0:
        assert time.monotonic() < deadline
    assert [c["name"] for c in page(port, "/connz?state=closed")["connections"]] == ["c2", "c3", "c4"]


def test_the_pages_may_stand_under_a_base_path(start_server):
    port = free_port()
    start_server(config=f'http: "127.0.0.1:{port}"\nhttp_base_path: "mon/itor/"')

    assert page(port, "/mon/itor/varz")["http_base_path"] == "mon/itor/"
    assert get(port, "/mon/itor")[0] == 200
    assert get(port, "/varz")[0] == 404
    assert page(port, "/mon/itor/varz")["http_req_stats"] == {"/": 1, "/varz": 2}


def test_over_https_nobody_has_to_show_a_certificate(start_server, tmp_path):
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                    key, "-out", cert, "-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    port = free_port()
    start_server(config=f'https: "127.0.0.1:{port}"\n'
                        f'tls {{ cert_file: "{cert}", key_file: "{key}", ca_file: "{cert}", verify: true }}')
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=ssl.create_default_context(cafile=cert))
    connection.request("GET", "/varz")
    varz = json.loads(connection.getresponse().read())
    connection.close()
    assert (varz["https_port"], varz["http_port"], varz["tls_required"], varz["tls_verify"]) == (port, 0, True, True)
    assert list(varz)[-1] == "tls_cert_not_after"


def test_a_reload_shows_a_new_certificate_over_https(start_server, authority):
    port = free_port()
    old, new = authority.issue("old"), authority.issue("new")

    def config(pair):
        return f'https: "127.0.0.1:{port}"\ntls {{ cert_file: "{pair[0]}", key_file: "{pair[1]}" }}'

    def shown():
        return ssl.get_server_certificate(("127.0.0.1", port), timeout=10)

    def pem(pair):
        with open(pair[0], encoding="ascii") as f:
            return f.read()

    server = start_server(config=config(old))
    assert shown() == pem(old)
    assert server.reload(config(new))[-1].startswith("[INF] Reloaded server configuration")
    assert shown() == pem(new)
    assert "Failed to reload" in server.reload(config((new[0], old[1])))[-1]
    assert shown() == pem(new)


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
