"""Reload of the configuration: server-config.md 10. Each line and effect was seen on a real server."""
import asyncio
import random
import re
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path

import nats
import pytest
from harness.monitoring import page
from harness.server import Server, free_port, run_binary
from harness.wire_client import WireClient

ALWAYS = ["[INF] Reloaded: authorization users", "[INF] Reloaded: accounts"]


def reloaded(log):
    """The lines of a reload that succeeded, without the first and the last one."""
    assert log[0] == '[INF] Trapped "hangup" signal', log
    assert re.fullmatch(r"\[INF\] Reloaded server configuration \(sha256:[0-9a-f]{64}\)", log[-1]), log
    return log[1:-1]


def users(*entries):
    return "authorization { users: [ " + ", ".join("{ " + entry + " }" for entry in entries) + " ] }"


def test_nothing_changed(start_server):
    server = start_server()
    with WireClient(server.port) as client:
        assert reloaded(server.reload("")) == ALWAYS
        assert client.ping() == []


def test_every_change_is_told_in_order(start_server, tmp_path):
    server = start_server()
    log = reloaded(server.reload(f"""
        logtime_utc: true
        debug: true
        max_connections: 1000
        ping_interval: 30s
        ping_max: 3
        max_control_line: 2048
        max_payload: 2048
        write_deadline: 5s
        pid_file: "{tmp_path}/pid"
        client_advertise: "example:4333"
        server_tags: [a, b]
        authorization {{ timeout: 1.5 }}
    """))
    assert log == [
        "[INF] Reload: client_advertise = example:4333",
        "[INF] Reloaded: debug = true",
        "[INF] Reloaded: logtime_utc = true",
        "[INF] Reloaded: max_connections = 1000",
        *ALWAYS,
        "[INF] Reloaded: ping_interval = 30s",
        "[INF] Reloaded: ping_max = 3",
        "[INF] Reloaded: authorization timeout = 1.5",
        "[INF] Reloaded: max_control_line = 2048",
        "[INF] Reloaded: max_payload = 2048",
        f"[INF] Reloaded: pid_file = {tmp_path}/pid",
        "[INF] Reloaded: write_deadline = 5s",
        "[INF] Reloaded: tags",
    ]
    assert (tmp_path / "pid").read_text() == str(server.pid)
    with WireClient(server.port) as client:
        assert (client.info["host"], client.info["port"]) == ("example", 4333)
        assert client.info["max_payload"] == 2048


@pytest.mark.parametrize(("config", "reason"), [
    ("max_pending: 100000000", "config reload not supported for MaxPending: old=67108864, new=100000000"),
    ("max_subscriptions: 5", "config reload not supported for MaxSubs: old=0, new=5"),
    ("lame_duck_duration: 40s", "config reload not supported for LameDuckDuration: old=2m0s, new=40s"),
    ("max_payload: 100000000", "max_payload (100000000) cannot be higher than max_pending (67108864)"),
    ("max_payload: 2048, nonsense: 1", '{file}:{line}:20: unknown field "nonsense"'),
    ("max_payload: [", None),
])
def test_a_refused_reload_changes_nothing(start_server, config, reason):
    server = start_server()
    with open(server.config_path, encoding="utf-8") as f:
        line = len(f.read().splitlines())  # the last one is to be replaced
    # A change that would be possible stands beside the one that is not.
    log = server.reload(config + ("" if "[" in config else "\nmax_control_line: 2048"))
    assert log[0] == '[INF] Trapped "hangup" signal'
    assert log[1].startswith("[ERR] Failed to reload server configuration: ")
    if reason:
        assert log[1:] == ["[ERR] Failed to reload server configuration: "
                           + reason.format(file=server.config_path, line=line)]
    with WireClient(server.port) as client:
        assert client.info["max_payload"] == 1 << 20
        client.send("SUB " + "a" * 3000 + " 1\r\n")
        assert client.ping() == []
    assert reloaded(server.reload("")) == ALWAYS


def test_without_a_file_there_is_nothing_to_reload(start_server):
    server = start_server()
    server.stop()
    log_path = server.directory + "/flags.log"
    with open(log_path, "wb") as log:
        process = subprocess.Popen([server.binary, "-a", "127.0.0.1", "-p", str(server.port)], stderr=log)
    try:
        deadline = time.monotonic() + 10
        sent = False
        while time.monotonic() < deadline:
            with open(log_path, encoding="utf-8") as f:
                text = f.read()
            if "Server is ready" in text and not sent:
                process.send_signal(signal.SIGHUP)
                sent = True
            if "Failed to reload" in text:
                break
            time.sleep(0.02)
        assert ("[ERR] Failed to reload server configuration: can only reload config when a file is provided"
                " using -c or --config") in text
    finally:
        process.kill()
        process.wait()


def test_the_signal_command_asks_for_a_reload(start_server):
    server = start_server()
    server.write_config("max_payload: 2048")
    status, _ = run_binary("--signal", f"reload={server.pid}", binary=server.binary)
    assert status == 0
    server.wait_for_log("Reloaded: max_payload = 2048")


def test_the_system_account_asks_for_a_reload(start_server):
    system = "accounts { $SYS { users: [ { user: admin, password: x } ] } }\n"
    server = start_server(config=system)
    with WireClient(server.port, user="admin", **{"pass": "x"}) as admin:
        admin.ping()
        admin.ping()
        subject = f"$SYS.REQ.SERVER.{admin.info['server_id']}.RELOAD"
        server.write_config(system + "max_payload: 2048")
        assert "error" not in admin.request(subject)
        server.wait_for_log("Reloaded: max_payload = 2048")
        server.write_config(system + "max_payload: 2048\nmax_pending: 5000")
        assert "MaxPending" in admin.request(subject)["error"]["description"]


def test_flags_win_over_the_file_again(start_server):
    server = start_server()
    server.stop()
    server.flags = ["-D"]
    server.start()
    assert reloaded(server.reload("debug: false"))[-2:] == ALWAYS
    with WireClient(server.port) as client:
        client.ping()
    server.wait_for_log("[DBG] ")


def test_limits_hold_for_connected_clients(start_server):
    server = start_server()
    with WireClient(server.port) as client, WireClient(server.port) as other:
        for each in (client, other):
            each.ping()
        reloaded(server.reload("max_payload: 10\nmax_control_line: 60"))
        client.send("PUB a 11\r\n01234567890\r\n")
        assert client.expect_closed() == ["-ERR 'Maximum Payload Violation'"]
        other.send("SUB " + "a" * 100 + " 1\r\n")
        assert other.expect_closed() == ["-ERR 'maximum control line exceeded'"]


def test_clients_above_the_limit_are_closed(start_server):
    server = start_server(workers=2)
    clients = [WireClient(server.port) for _ in range(10)]
    for client in clients:
        client.ping()
    log = reloaded(server.reload("max_connections: 4"))
    assert "[INF] Closed 6 connections to fall within max_connections" in log
    assert log.index("[INF] Closed 6 connections to fall within max_connections") + 1 == log.index(
        "[INF] Reloaded: max_connections = 4")
    closed = 0
    for client in clients:
        try:
            if client.ping() == ["-ERR 'maximum connections exceeded'"]:
                raise AssertionError("told, but not closed")
        except (ConnectionError, BrokenPipeError):
            closed += 1
        client.close()
    assert closed == 6


def test_a_removed_user_is_disconnected_and_the_others_stay(start_server):
    server = start_server(config=users("user: a, password: x", "user: b, password: x", "user: c, password: x"))
    a, b, c = (WireClient(server.port, user=name, **{"pass": "x"}) for name in "abc")
    for client in (a, b, c):
        client.ping()
    reloaded(server.reload(users("user: a, password: x", "user: c, password: new")))
    assert a.ping() == []
    # One whose user is gone is only disconnected, one with a wrong password is told.
    assert b.expect_closed() == []
    assert c.expect_closed() == ["-ERR 'Authorization Violation'"]
    server.wait_for_log('authentication error - User "c"')
    with WireClient(server.port, user="b", **{"pass": "x"}) as again:
        assert again.expect_closed() == ["-ERR 'Authorization Violation'"]
    for client in (a, b, c):
        client.close()


def test_permissions_change_under_a_client(start_server):
    def config(allow):
        return users(f"user: a, password: x, permissions: {{ subscribe: {allow}, publish: {allow} }}")

    server = start_server(config=config("[foo, bar, baz]"))
    with WireClient(server.port, user="a", **{"pass": "x"}) as client:
        client.send("SUB foo 1\r\nSUB bar 2\r\nSUB bar group 3\r\nPUB foo 1\r\n1\r\n")
        client.expect(("MSG", "foo", "1", None, b"1"))
        assert client.ping() == []
        log = reloaded(server.reload(config("[foo, new]")))
        assert sorted(client.ping()) == [
            '-ERR \'Permissions Violation for Subscription to "bar" (sid "2")\'',
            '-ERR \'Permissions Violation for Subscription to "bar" using queue "group" (sid "3")\'',
        ]
        assert '[INF] Removed sub "bar" (sid "2") for User "a" - not authorized' in log
        client.send("SUB new 4\r\nPUB new 1\r\n2\r\nPUB foo 1\r\n3\r\nPUB bar 1\r\n4\r\n")
        client.expect(("MSG", "new", "4", None, b"2"))
        client.expect(("MSG", "foo", "1", None, b"3"))
        client.expect('-ERR \'Permissions Violation for Publish to "bar"\'')


def test_a_user_who_moves_to_another_account_comes_back_there(start_server):
    def accounts(*names):
        return "accounts { " + ", ".join(
            f"{name} {{ users: [ {{ user: {user}, password: x }} ] }}" for name, user in names) + " }"

    server = start_server(config=accounts(("A", "moves"), ("B", "stays")))
    moves, stays = (WireClient(server.port, user=name, **{"pass": "x"}) for name in ("moves", "stays"))
    for client in (moves, stays):
        client.ping()
    reloaded(server.reload(accounts(("C", "moves"), ("B", "stays"))))
    assert moves.expect_closed() == []
    stays.send("SUB a 1\r\nPUB a 0\r\n\r\n")
    stays.expect(("MSG", "a", "1", None, b""))
    with WireClient(server.port, user="moves", **{"pass": "x"}) as again:
        again.ping()
        again.ping()
        assert again.info["remote_account"] == "C"
    reloaded(server.reload(accounts(("A", "moves"))))
    assert stays.expect_closed() == []
    for client in (moves, stays):
        client.close()


def test_an_account_s_lower_limit_closes_the_excess(start_server):
    def config(limit):
        return f"accounts {{ A {{ users: [ {{ user: a, password: x }} ], limits {{ max_conn: {limit} }} }} }}"

    server = start_server(config=config(3))
    clients = [WireClient(server.port, user="a", **{"pass": "x"}) for _ in range(3)]
    for client in clients:
        client.ping()
    reloaded(server.reload(config(1)))
    kept = 0
    for client in clients:
        try:
            kept += client.ping() == []
        except (ConnectionError, BrokenPipeError):
            pass
        client.close()
    assert kept == 1
    server.wait_for_log("maximum account active connections exceeded")


def test_authentication_begins_and_ends(start_server):
    server = start_server()
    with WireClient(server.port) as client:
        client.ping()
        reloaded(server.reload(users("user: a, password: x")))
        assert client.expect_closed() == ["-ERR 'Authorization Violation'"]
    with WireClient(server.port, user="a", **{"pass": "x"}) as client:
        assert client.info["auth_required"] is True
        client.ping()
    reloaded(server.reload(""))
    with WireClient(server.port) as client:
        assert "auth_required" not in client.info
        assert client.ping() == []


def test_mappings_and_accounts_with_jetstream_change(start_server):
    def config(mapped, stream_limit):
        return f"""
            mappings {{ a: {mapped} }}
            accounts {{ J {{ jetstream {{ max_streams: {stream_limit} }}, users: [ {{ user: j, password: x }} ] }}
                        P {{ users: [ {{ user: p, password: x }} ], mappings {{ a: {mapped} }} }} }}"""

    server = start_server(config=config("b", 1))
    stream = {"subjects": ["s1"], "storage": "memory"}
    with WireClient(server.port, user="p", **{"pass": "x"}) as plain, \
            WireClient(server.port, user="j", **{"pass": "x"}) as js:
        plain.send("SUB * 1\r\nPUB a 0\r\n\r\n")
        plain.expect(("MSG", "b", "1", None, b""))
        js.ping()
        js.ping()
        assert "error" not in js.request("$JS.API.STREAM.CREATE.S1", stream | {"name": "S1"})
        second = stream | {"name": "S2", "subjects": ["s2"]}
        assert js.request("$JS.API.STREAM.CREATE.S2", second)["error"]["err_code"] == 10027
        reloaded(server.reload(config("c", 2)))
        plain.send("PUB a 0\r\n\r\n")
        plain.expect(("MSG", "c", "1", None, b""))
        assert "error" not in js.request("$JS.API.STREAM.CREATE.S2", second)


def test_jetstream_ends_and_begins(tmp_path):
    port, http = free_port(), free_port()
    on = f'jetstream {{ store_dir: "{tmp_path}/js", sync_interval: 120s }}'
    server = Server(tmp_path / "server")
    server.write_config = lambda more: Path(server.config_path).write_text(
        f'listen: "127.0.0.1:{port}"\nhttp: "127.0.0.1:{http}"\n{more}\n', encoding="utf-8")
    server.write_config(on)
    with server, WireClient(port) as client:
        client.request("$JS.API.STREAM.CREATE.S", {"name": "S", "subjects": ["s"]})
        client.request("$JS.API.CONSUMER.CREATE.S.C", {"stream_name": "S", "config": {"durable_name": "C"}})
        assert client.request("s", "one")["seq"] == 1
        for _ in range(2):
            assert reloaded(server.reload("")) == [*ALWAYS, "[INF] Reloaded: JetStream",
                                                   "[INF] Initiating JetStream Shutdown...",
                                                   "[INF] JetStream Shutdown"]
            client.send("SUB _INBOX.x 7\r\nPUB s _INBOX.x 3\r\ntwo\r\n")
            assert client.next()[4].startswith(b"NATS/1.0 503"), "nobody takes it"
            client.send("UNSUB 7\r\n")
            assert page(http, "/jsz")["disabled"]
            assert page(http, "/varz")["jetstream"] == {}
            assert page(http, "/healthz") == {"status": "ok"}
            log = reloaded(server.reload(on))
            assert log[:5] == [*ALWAYS, "[INF] Reloaded: JetStream", "[INF] Restarting JetStream",
                               "[INF] Starting JetStream"]
            assert log[-1].startswith("[INF] Took ")
            info = client.request("$JS.API.STREAM.INFO.S")
            assert (info["state"]["messages"], info["state"]["consumer_count"]) == (1, 1)
            assert page(http, "/jsz")["streams"] == 1
        assert client.request("s", "two")["seq"] == 2
        assert server.stop() == 0


def test_the_log_moves_to_another_file(start_server, tmp_path):
    server = start_server()
    server.write_config(f'log_file: "{tmp_path}/moved.log"\ndebug: true')
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log(f"Reloaded: log_file = {tmp_path}/moved.log")
    deadline = time.monotonic() + 10
    text = ""
    while "Reloaded server configuration" not in text and time.monotonic() < deadline:
        text = (tmp_path / "moved.log").read_text() if (tmp_path / "moved.log").exists() else ""
        time.sleep(0.01)
    assert "Reloaded server configuration" in text
    assert "Reloaded server configuration" not in server.log()


def test_messages_flow_through_reloads(start_server):
    """Nothing is lost while four publishers and their subscribers see twenty reloads."""
    server = start_server(workers=2)

    async def session():
        clients = [await nats.connect(server.url, allow_reconnect=False) for _ in range(4)]
        counts = [0] * 4
        for i, client in enumerate(clients):
            async def count(_message, i=i):
                counts[i] += 1
            await client.subscribe("all", cb=count)
            await client.flush()

        async def publish(client):
            for _ in range(50):
                for _ in range(20):
                    await client.publish("all", b"x")
                await client.flush(timeout=20)

        async def reload():
            for i in range(20):
                server.write_config(f"max_control_line: {2048 + i}")
                server.process.send_signal(signal.SIGHUP)
                await asyncio.sleep(0.02)

        await asyncio.gather(reload(), *(publish(client) for client in clients))
        deadline = time.monotonic() + 20
        while counts != [4000] * 4 and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        assert counts == [4000] * 4
        for client in clients:
            assert client.is_connected
            await client.close()

    asyncio.run(session())
    assert server.log().count("Reloaded server configuration") > 1


def idle_clients_survive(server, count):
    sockets = []
    for _ in range(count):
        s = socket.create_connection(("127.0.0.1", server.port))
        s.sendall(b'CONNECT {"verbose":false,"user":"a","pass":"x"}\r\nSUB foo 1\r\nPING\r\n')
        sockets.append(s)
    for s in sockets:
        s.settimeout(60)
        received = b""
        while b"PONG\r\n" not in received:
            received += s.recv(4096)
    began = time.monotonic()
    log = reloaded(server.reload(users("user: a, password: x", "user: b, password: y") + "\nmax_payload: 5000", 60))
    took = time.monotonic() - began
    assert "[INF] Reloaded: max_payload = 5000" in log
    for s in random.sample(sockets, 100):
        s.sendall(b"PING\r\n")
        while b"PONG\r\n" not in s.recv(4096):  # the server's own PING and INFO may come before
            pass
    for s in sockets:
        s.setblocking(False)
        try:
            assert s.recv(4096) != b"", "closed by the server"
        except BlockingIOError:
            pass
        s.close()
    return took


def test_a_reload_drops_none_of_many_clients(start_server):
    server = start_server(workers=2, config=users("user: a, password: x"))
    idle_clients_survive(server, 500)


@pytest.mark.long
def test_a_reload_drops_none_of_ten_thousand_clients(start_server):
    wanted = 10_600  # in this process, and as many in the server
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"only {hard} open files are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    server = start_server(workers=2, config=users("user: a, password: x"))
    print(f"the reload took {idle_clients_survive(server, 10_000) * 1000:.0f} ms")
