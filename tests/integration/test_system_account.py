"""The system account's services and events (monitoring.md 13, 14): the same answers as the reference
in the same small scenario, apart from ids, times and counts."""
import gzip
import json
import re
import time

import pytest
from harness.monitoring import page, shape
from harness.server import PEER, WEIR, Server, free_port
from harness.wire_client import WireClient

CONFIG = """
server_tags: ["a:b", "c"]
accounts {
  SYS { users: [ { user: sys, password: sys } ] }
  APP {
    jetstream: enabled
    users: [
      { user: app, password: app }
      { user: lim, password: lim, permissions: {
          publish: { allow: ["$SYS.REQ.USER.INFO"], deny: ["ok.no"] }, subscribe: ["_INBOX.>"], allow_responses: true } }
    ]
  }
  OTHER { jetstream { max_mem: 1MB, max_file: 1MB }, users: [ { user: other, password: other } ] }
  BARE { users: [ { user: bare, password: bare } ] }
}
system_account: SYS
"""


class Side:
    def __init__(self, directory, binary):
        self.server = Server(directory, binary, config=CONFIG).start()
        self.clients = {user: self.connect(user) for user in ("sys", "app", "lim", "other", "bare")}
        self.clients["app"].send("SUB core.> 1\r\nSUB core.q workers 2\r\n")
        self.clients["app"].ping()
        self.clients["app"].request("$JS.API.STREAM.CREATE.S", '{"name":"S","subjects":["s.>"]}')
        self.id = self.clients["sys"].info["server_id"]

    def connect(self, user, **options):
        client = WireClient(self.server.port, user=user, name=f"{user}'s", **{"pass": user}, **options)
        client.ping()
        return client

    def ask(self, user, subject, payload="", headers=None, seconds=3.0):
        """The answer as (header block, payload); None when there is none within a moment."""
        client = self.clients[user]
        subject = subject.replace("ID", self.id)
        client.send("SUB _INBOX.x 99\r\n")
        data = payload if isinstance(payload, str) else json.dumps(payload)
        if headers is None:
            client.send(f"PUB {subject} _INBOX.x {len(data)}\r\n{data}\r\n")
        else:
            block = f"NATS/1.0\r\n{headers}\r\n\r\n"
            client.send(f"HPUB {subject} _INBOX.x {len(block)} {len(block) + len(data)}\r\n{block}{data}\r\n")
        deadline = time.monotonic() + seconds
        got = client.ping()
        while not got and time.monotonic() < deadline:
            time.sleep(0.02)
            got = client.ping()
        client.send("UNSUB 99\r\n")
        client.ping()
        if not got:
            return None
        return (got[0][4].decode(), got[0][5]) if got[0][0] == "HMSG" else ("", got[0][4])

    def close(self):
        for client in self.clients.values():
            client.close()
        self.server.kill()


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    ours = Side(tmp_path_factory.mktemp("ours"), WEIR)
    peer = Side(tmp_path_factory.mktemp("peer"), PEER)
    yield ours, peer
    ours.close()
    peer.close()


SHAPES = [
    ("sys", "$SYS.REQ.SERVER.PING", ""), ("sys", "$SYS.REQ.SERVER.PING.STATSZ", ""), ("sys", "$SYS.REQ.SERVER.ID.STATSZ", "{}"),
    ("sys", "$SYS.REQ.SERVER.PING.VARZ", ""), ("sys", "$SYS.REQ.SERVER.ID.VARZ", {"server_name": "S1", "exact_match": True}),
    ("sys", "$SYS.REQ.SERVER.PING.SUBSZ", {"subscriptions": True}), ("sys", "$SYS.REQ.SERVER.PING.CONNZ", {"auth": True}),
    ("sys", "$SYS.REQ.SERVER.PING.CONNZ", {"filter_subject": "core.x", "acc": "APP", "subscriptions": True}),
    ("sys", "$SYS.REQ.SERVER.PING.ROUTEZ", ""), ("sys", "$SYS.REQ.SERVER.PING.GATEWAYZ", ""),
    ("sys", "$SYS.REQ.SERVER.PING.LEAFZ", ""), ("sys", "$SYS.REQ.SERVER.PING.ACCOUNTZ", ""),
    ("sys", "$SYS.REQ.SERVER.PING.ACCOUNTZ", {"account": "APP"}),
    ("sys", "$SYS.REQ.SERVER.PING.JSZ", {"streams": True, "config": True}), ("sys", "$SYS.REQ.SERVER.PING.RAFTZ", ""),
    ("sys", "$SYS.REQ.SERVER.PING.IPQUEUESZ", ""), ("sys", "$SYS.REQ.SERVER.PING.IPQUEUESZ", {"all": True, "filter": "recvQ"}),
    ("sys", "$SYS.REQ.ACCOUNT.APP.SUBSZ", ""), ("sys", "$SYS.REQ.ACCOUNT.APP.CONNZ", ""),
    ("sys", "$SYS.REQ.ACCOUNT.APP.LEAFZ", ""), ("sys", "$SYS.REQ.ACCOUNT.APP.JSZ", {"streams": True}),
    ("sys", "$SYS.REQ.ACCOUNT.APP.INFO", ""), ("sys", "$SYS.REQ.ACCOUNT.APP.STATZ", ""),
    ("sys", "$SYS.REQ.ACCOUNT.APP.CONNS", ""), ("sys", "$SYS.REQ.ACCOUNT.NONE.CONNZ", ""),
    ("sys", "$SYS.REQ.ACCOUNT.PING.STATZ", ""), ("app", "$SYS.REQ.ACCOUNT.PING.STATZ", ""),
    ("app", "$SYS.REQ.ACCOUNT.PING.CONNZ", {"limit": 1}), ("app", "$SYS.REQ.SERVER.PING.CONNZ", ""),
]


@pytest.mark.parametrize("user, subject, payload", SHAPES, ids=str)
def test_an_answer_has_the_references_keys_in_their_order(sides, user, subject, payload):
    ours, peer = (side.ask(user, subject, payload) for side in sides)

    assert ours is not None and peer is not None
    assert ours[0] == peer[0]
    # The order of a list of subscriptions is no promise.
    skip = {"git_commit", "qgroup", "max"}
    assert shape(json.loads(ours[1]), skip) == shape(json.loads(peer[1]), skip)


EQUAL = [
    ("sys", "$SYS.REQ.SERVER.PING.IDZ", ""), ("sys", "$SYS.REQ.SERVER.PING.HEALTHZ", ""),
    ("sys", "$SYS.REQ.SERVER.PING.HEALTHZ", {"account": "X"}),
    ("sys", "$SYS.REQ.SERVER.PING.HEALTHZ", {"account": "X", "details": True}),
    ("sys", "$SYS.REQ.SERVER.PING.PROFILEZ", ""), ("sys", "$SYS.REQ.SERVER.PING.FOO", ""),
    ("sys", "$SYS.REQ.SERVER.ID.VARZ", "{bad"), ("sys", "$SYS.REQ.SERVER.ID.CONNZ", {"sort": "foo"}),
    ("sys", "$SYS.REQ.SERVER.ID.SUBSZ", {"test": "a..b", "subscriptions": True}),
    ("sys", "$SYS.REQ.SERVER.ID.ACCOUNTZ", {"account": "NONE"}), ("sys", "$SYS.REQ.ACCOUNT.NONE.JSZ", ""),
    ("sys", "$SYS.REQ.ACCOUNT.NONE.INFO", ""), ("sys", "$SYS.REQ.ACCOUNT.SYS.JSZ", ""),
    ("sys", "$SYS.REQ.ACCOUNT.OTHER.JSZ", ""), ("sys", "$SYS.REQ.SERVER.ID.KICK", {"cid": 99999}),
    ("sys", "$SYS.REQ.SERVER.ID.LDM", {"cid": 99999}), ("sys", "$SYS.REQ.ACCOUNT.NSUBS", {"acc": "APP", "subject": "core.q"}),
    ("sys", "$SYS.REQ.ACCOUNT.NSUBS", {"acc": "APP", "subject": "core.*"}),
    ("sys", "$SYS.REQ.ACCOUNT.NSUBS", {"acc": "APP"}), ("sys", "$SYS.DEBUG.SUBSCRIBERS", "_INBOX.x"),
    ("sys", "$SYS.DEBUG.SUBSCRIBERS", "_INBOX.*"), ("sys", "$SYS.DEBUG.SUBSCRIBERS", "_INBOX.x workers"),
    ("sys", "$SYS.DEBUG.SUBSCRIBERS", "core.q"), ("sys", "$SYS.DEBUG.SUBSCRIBERS", ""),
    ("app", "$SYS.DEBUG.SUBSCRIBERS", "core.q"), ("sys", "$SYS.REQ.USER.APP.INFO", ""),
    ("app", "$SYS.REQ.USER.APP.INFO", ""), ("sys", "$SYS.REQ.USER.INFO", ""), ("app", "$SYS.REQ.USER.INFO", ""), ("lim", "$SYS.REQ.USER.INFO", ""),
    ("app", "$SYS.REQ.SERVER.PING", ""), ("other", "$SYS.REQ.ACCOUNT.APP.CONNZ", ""),
    ("sys", "$SYS.ACCOUNT.APP.CLAIMS.UPDATE", ""), ("sys", "$SYS.REQ.ACCOUNT.APP.CLAIMS.UPDATE", ""),
    ("sys", "$SYS.REQ.ACCOUNT.APP.CLAIMS.UPDATE", "junk"), ("app", "$SYS.REQ.ACCOUNT.APP.CLAIMS.UPDATE", ""),
]


# An account without JetStream, and the system account, which never has it.
for account in ("bare", "sys"):
    EQUAL += [(account, f"$JS.API.{subject}", "") for subject in (
        "INFO", "STREAM.NAMES", "STREAM.LIST", "STREAM.CREATE.X", "STREAM.UPDATE.X", "STREAM.INFO.X", "STREAM.DELETE.X",
        "STREAM.PURGE.X", "STREAM.MSG.GET.X", "STREAM.MSG.DELETE.X", "CONSUMER.NAMES.X", "CONSUMER.LIST.X",
        "CONSUMER.CREATE.X", "CONSUMER.CREATE.X.Y", "CONSUMER.DURABLE.CREATE.X.Y", "CONSUMER.INFO.X.Y",
        "CONSUMER.DELETE.X.Y", "CONSUMER.PAUSE.X.Y", "CONSUMER.MSG.NEXT.X.Y", "DIRECT.GET.X",
        "STREAM.LEADER.STEPDOWN.X", "STREAM.PEER.REMOVE.X", "CONSUMER.LEADER.STEPDOWN.X.Y")]
EQUAL += [("sys", "$JS.API.FOO.BAR", ""), ("sys", "$JS.API.ACCOUNT.PURGE.BARE", "")]


def stable(side, text):
    text = text.decode().replace(side.id, "ID")
    text = re.sub(r'"(now|time|seq|ver|id)":("[^"]*"|\d+)', r'"\1":0', text)
    return text


@pytest.mark.parametrize("user, subject, payload", EQUAL, ids=str)
def test_an_answer_is_the_references(sides, user, subject, payload):
    ours, peer = (side.ask(user, subject, payload) for side in sides)

    assert ours is not None and peer is not None
    assert ours[0].replace(sides[0].id, "ID") == peer[0].replace(sides[1].id, "ID")
    assert stable(sides[0], ours[1]) == stable(sides[1], peer[1])


@pytest.mark.parametrize("user", ["app", "bare"])
@pytest.mark.parametrize("subject", ["FOO", "FOO.BAR", "STREAM.FOO.BAR", "META.LEADER.STEPDOWN", "ACCOUNT.PURGE.APP",
                                     "CONSUMER.RESET.X.Y"])
def test_what_the_api_does_not_know_it_takes_in_silence(sides, user, subject):
    for side in sides:
        assert side.ask(user, f"$JS.API.{subject}", seconds=0.1) is None


@pytest.mark.parametrize("subject", ["ACCOUNT.APP.LEAFNODE.CONNECT", "SERVER.X.STATSZ", "SERVER.X.LAMEDUCK",
                                     "SERVER.X.SHUTDOWN", "SERVER.ACCOUNT.APP.CONNS", "_INBOX_.ID"])
def test_what_servers_tell_each_other_is_taken_in_silence(sides, subject):
    for side in sides:
        assert side.ask("sys", f"$SYS.{subject}", seconds=0.1) is None


def test_a_server_without_jetstream_listens_to_as_much_as_the_reference(tmp_path):
    counts = []
    for name, binary in (("ours", WEIR), ("peer", PEER)):
        http = free_port()
        server = Server(tmp_path / name, binary, config=f"""
            jetstream: false, http: "127.0.0.1:{http}"
            accounts {{ A {{ users: [ {{ user: a, password: a }} ] }}, B {{}} }}""").start()
        client = WireClient(server.port, user="a", **{"pass": "a"})
        client.send("SUB x 1\r\n")
        client.ping()
        counts.append(page(http, "/subsz")["num_subscriptions"])
        client.close()
        server.kill()

    assert counts[0] == counts[1]


SILENT = [{"server_name": "nope"}, {"tags": ["zz"]}, {"host": "10."}, {"domain": "x"}, {"cluster": "c"},
          {"server_name": "S", "exact_match": True}]


@pytest.mark.parametrize("payload", SILENT, ids=str)
def test_a_server_that_is_not_meant_stays_silent(sides, payload):
    assert sides[0].ask("sys", "$SYS.REQ.SERVER.PING.VARZ", payload, seconds=0.3) is None


def test_answers_are_encoded_as_asked(sides):
    for side in sides:
        plain = json.loads(side.ask("sys", "$SYS.REQ.SERVER.ID.LEAFZ")[1])
        header, body = side.ask("sys", "$SYS.REQ.SERVER.ID.LEAFZ", headers="Accept-Encoding: gzip")
        assert "Content-Encoding: gzip" in header
        assert shape(json.loads(gzip.decompress(body))) == shape(plain)
        header, body = side.ask("sys", "$SYS.REQ.SERVER.ID.LEAFZ", headers="Accept-Encoding: s2, gzip")
        assert "Content-Encoding: snappy" in header
        assert body.startswith(b"\xff\x06\x00\x00sNaPpY")
        header, body = side.ask("sys", "$SYS.REQ.SERVER.ID.LEAFZ", headers="Accept-Encoding: br")
        assert "Content-Encoding: identity" in header
        assert shape(json.loads(body)) == shape(plain)


def events(client, count, seconds=5.0):
    deadline = time.monotonic() + seconds
    got = []
    while len(got) < count and time.monotonic() < deadline:
        got += client.ping()
        time.sleep(0.01)
    return {message[1]: json.loads(message[-1]) for message in got}


def subjects(side, got):
    return sorted(subject.replace(side.id, "ID") for subject in got)


def test_events_of_a_client_are_the_references(sides):
    seen = []
    for side in sides:
        listener = side.connect("sys")
        listener.send("SUB $SYS.ACCOUNT.> 1\r\nSUB $SYS.SERVER.*.CLIENT.> 2\r\nSUB $SYS.SERVER.ACCOUNT.> 3\r\n")
        events(listener, 99, seconds=0.5)  # clients of the tests before may still be going
        client = side.connect("app", lang="python", version="9")
        connected = events(listener, 3)
        client.send("PUB a 1\r\nx\r\n")
        client.ping()
        client.close()
        gone = events(listener, 3)
        with WireClient(side.server.port, user="bad", **{"pass": "bad"}) as bad:
            bad.expect_closed()
        refused = events(listener, 2)
        listener.close()
        assert connected["$SYS.ACCOUNT.APP.CONNECT"]["type"] == "io.nats.server.advisory.v1.client_connect"
        assert gone["$SYS.ACCOUNT.APP.DISCONNECT"]["sent"] == {"msgs": 1, "bytes": 1}
        assert gone["$SYS.ACCOUNT.APP.DISCONNECT"]["reason"] == "Client Closed"
        assert gone["$SYS.ACCOUNT.APP.SERVER.CONNS"]["conns"] == connected["$SYS.ACCOUNT.APP.SERVER.CONNS"]["conns"] - 1
        assert refused[f"$SYS.SERVER.{side.id}.CLIENT.AUTH.ERR"]["reason"] == "Authentication Failure"
        seen.append([[(name, shape(got[name.replace("ID", side.id)])) for name in subjects(side, got)]
                     for got in (connected, gone, refused)])
    assert seen[0] == seen[1]


def test_a_client_may_be_kicked_and_told_of_lame_duck_mode(sides):
    for side in sides:
        client = side.connect("app")
        told = json.loads(side.ask("sys", "$SYS.REQ.SERVER.ID.LDM", {"cid": client.info["client_id"]})[1])
        assert set(told) == {"server"}
        client.ping()
        assert client.info["ldm"] is True
        kicked = json.loads(side.ask("sys", "$SYS.REQ.SERVER.ID.KICK", {"cid": client.info["client_id"]})[1])
        assert set(kicked) == {"server"}
        client.expect_closed()


def test_a_reload_may_be_asked_for(start_server):
    server = start_server(config=CONFIG)
    with WireClient(server.port, user="sys", **{"pass": "sys"}) as system:
        subject = f"$SYS.REQ.SERVER.{system.info['server_id']}.RELOAD"
        assert set(system.request(subject)) == {"server"}
        server.wait_for_log("Reloaded")
        with open(server.config_path, "a", encoding="utf-8") as f:
            f.write("nonsense: 1\n")
        answer = system.request(subject)
        assert (set(answer), answer["error"]["code"]) == ({"server", "error"}, 500)


def test_statsz_comes_by_itself_and_the_end_is_told(start_server):
    server = start_server(config=CONFIG)
    with WireClient(server.port, user="sys", **{"pass": "sys"}) as listener:
        listener.send("SUB $SYS.SERVER.> 1\r\n")
        got = events(listener, 1)
        server_id = listener.info["server_id"]
        assert set(got[f"$SYS.SERVER.{server_id}.STATSZ"]) == {"server", "statsz"}
        server.process.terminate()
        ended = [m for m in listener.expect_closed() if isinstance(m, tuple) and m[1].endswith(".SHUTDOWN")]
        assert json.loads(ended[0][-1])["id"] == server_id


def test_services_and_events_reach_the_clients_of_all_workers(start_server):
    server = start_server(workers=3, config=CONFIG)

    def connect(user):
        client = WireClient(server.port, user=user, **{"pass": user})
        client.ping()
        return client

    system = connect("sys")
    system.send("SUB $SYS.ACCOUNT.APP.> 1\r\n")
    system.ping()
    clients = [connect("app") for _ in range(6)]
    deadline = time.monotonic() + 5
    seen = []
    while len(seen) < 12 and time.monotonic() < deadline:
        seen += system.ping()
    assert sorted(m[1] for m in seen) == ["$SYS.ACCOUNT.APP.CONNECT"] * 6 + ["$SYS.ACCOUNT.APP.SERVER.CONNS"] * 6
    assert max(json.loads(m[-1])["conns"] for m in seen if m[1].endswith("CONNS")) == 6
    system.send("UNSUB 1\r\n")
    system.ping()
    for client in clients:
        assert client.request("$SYS.REQ.USER.INFO")["data"] == {"user": "app", "account": "APP", "account_name": "APP"}
        stat = client.request("$SYS.REQ.ACCOUNT.PING.STATZ")["data"]["account_statz"][0]
        assert (stat["acc"], stat["conns"]) == ("APP", 6)
    for client in clients:
        answer = system.request(f"$SYS.REQ.SERVER.{system.info['server_id']}.KICK", {"cid": client.info["client_id"]})
        assert set(answer) == {"server"}
        client.expect_closed()
    closed = system.request("$SYS.REQ.SERVER.PING.CONNZ", {"state": 1, "acc": "APP", "sort": "reason"})["data"]
    assert [c["reason"] for c in closed["connections"]] == ["Kicked"] * 6
