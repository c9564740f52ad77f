"""TLS for clients: protocol.md 4.4, server-config.md 7."""
import asyncio
import os
import shutil
import socket
import ssl
import time

import nats
import pytest
from harness.certificates import Authority
from harness.server import run_binary
from harness.wire_client import WireClient


@pytest.fixture(scope="module")
def pair(authority):
    """The server's certificate and key."""
    return authority.issue("server")


def block(pair, *more):
    return "tls {\n" + "\n".join([f'cert_file: "{pair[0]}"', f'key_file: "{pair[1]}"', *more]) + "\n}\n"


def echo(client):
    """One message to oneself."""
    client.send("SUB a 1\r\nPUB a 2\r\nhi\r\n")
    client.expect(("MSG", "a", "1", None, b"hi"))


def expect_no_handshake(port, context, first=False):
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        with WireClient(port, seconds=3, **{"tls_first" if first else "tls": context}) as client:
            client.ping()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_clients_go_on_encrypted_behind_info(start_server, authority, pair, version):
    server = start_server(config=block(pair))
    with WireClient(server.port, tls=authority.client(version=version)) as client:
        assert client.info["tls_required"] is True
        assert "tls_verify" not in client.info and "tls_available" not in client.info
        client.ping()
        echo(client)
        assert client.info["connect_info"] is True
    server.wait_for_log("TLS required for client connections")


@pytest.mark.parametrize(("size", "reset"), [(20, False), (500, False), (3000, True)])
def test_plain_text_in_place_of_a_handshake_is_an_orderly_end(start_server, pair, size, reset):
    """So Java's test server is asked whether it is up. What is more than one glance is not read."""
    server = start_server(config=block(pair))
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(bytes(size))
        got, was_reset = b"", False
        try:
            while part := client.recv(4096):
                got += part
        except ConnectionResetError:
            was_reset = True
    assert got.startswith(b"INFO {")
    assert was_reset == reset


def test_large_messages_pass_in_both_directions(start_server, authority, pair):
    server = start_server(config=block(pair), workers=2)
    payload = os.urandom(900_000)
    with WireClient(server.port, tls=authority.client(), seconds=20) as client:
        client.send("SUB big 1\r\n")
        for _ in range(5):
            client.send(b"PUB big %d\r\n%s\r\n" % (len(payload), payload))
            client.expect(("MSG", "big", "1", None, payload))
        small = b"".join(b"PUB big 3\r\n%03d\r\n" % i for i in range(1000))
        client.send(small)
        for i in range(1000):
            client.expect(("MSG", "big", "1", None, b"%03d" % i))


def test_the_official_client_connects(start_server, authority, pair):
    server = start_server(config=block(pair))

    async def session():
        client = await nats.connect(f"tls://localhost:{server.port}", tls=authority.client(), allow_reconnect=False)
        subscription = await client.subscribe("a")
        await client.publish("a", b"hi")
        message = await subscription.next_msg(timeout=5)
        await client.close()
        return message.data

    assert asyncio.run(session()) == b"hi"


def test_plain_text_is_no_handshake(start_server, pair):
    server = start_server(config="debug: true\n" + block(pair))
    with WireClient(server.port, connect=False) as client:
        client.connect()
        with pytest.raises((ConnectionError, AssertionError)):
            client.ping()
    server.wait_for_log("Client connection closed: TLS Handshake Failure")


def test_who_does_not_begin_is_closed_in_time(start_server, pair):
    server = start_server(config="debug: true\n" + block(pair, "timeout: 0.3"))
    with WireClient(server.port, connect=False) as client:
        began = time.monotonic()
        client.expect_closed(seconds=5)
        assert time.monotonic() - began < 3
    server.wait_for_log("Client connection closed: TLS Handshake Failure")


def test_a_certificate_is_asked_for(start_server, authority, pair, tmp_path):
    server = start_server(config=block(pair, f'ca_file: "{authority.file}"', "verify: true"))
    known = authority.issue("known")
    stranger = Authority(tmp_path).issue("stranger")
    with WireClient(server.port, tls=authority.client(known)) as client:
        assert client.info["tls_verify"] is True
        echo(client)
    expect_no_handshake(server.port, authority.client())
    server.wait_for_log("TLS handshake error: tls: client didn't provide a certificate")
    expect_no_handshake(server.port, authority.client(stranger))
    server.wait_for_log("x509: certificate signed by unknown authority")


def test_only_pinned_certificates_get_in(start_server, authority, pair):
    good, other = authority.issue("good"), authority.issue("other")
    tls = [f'ca_file: "{authority.file}"', "verify: true"]
    server = start_server(config=block(pair, *tls, f'pinned_certs: ["{authority.pin(good[0])}"]'))
    with WireClient(server.port, tls=authority.client(good)) as client:
        client.ping()
        expect_no_handshake(server.port, authority.client(other))
        server.wait_for_log("TLS handshake error: certificate not pinned")

        log = server.reload(block(pair, *tls, f'pinned_certs: ["{authority.pin(other[0])}"]'))
        assert "[INF] Reloaded: 1 pinned_certs" in log
        client.expect_closed()
        server.wait_for_log("Disconnect 1 clients due to pinned certs reload")
    with WireClient(server.port, tls=authority.client(other)) as client:
        client.ping()


@pytest.mark.parametrize(("subject", "names", "user"), [
    ("/CN=a", "email:derek@nats.io,DNS:derek.example", "derek@nats.io"),
    ("/CN=a", "DNS:one.example,DNS:two.example", "two.example"),
    ("/CN=a", "URI:spiffe://weir/test", "spiffe://weir/test"),
    ("/C=US/O=Acme/OU=Ops/CN=client", None, "CN=client,OU=Ops,O=Acme,C=US"),
    ("/DC=com/DC=example/O=Acme/CN=client", None, "O=Acme,CN=client,DC=example,DC=com"),
])
def test_the_certificate_names_the_user(start_server, authority, pair, subject, names, user):
    tls = block(pair, f'ca_file: "{authority.file}"', "verify_and_map: true")
    server = start_server(config=tls + f"""
        accounts {{ A {{ users: [ {{ user: "{user}", permissions: {{ publish: a }} }} ] }} }}""")
    certificate = authority.issue("mapped", subject, names)
    with WireClient(server.port, tls=authority.client(certificate), user="somebody", verbose=True) as client:
        client.expect("+OK")
        assert client.ping() == [] == client.ping()
        assert client.info["remote_account"] == "A"
        client.send("PUB b 0\r\n\r\n")
        client.expect('-ERR \'Permissions Violation for Publish to "b"\'')
    server.wait_for_log('User "somebody" found in connect proto, but user required from cert')
    stranger = authority.issue("unmapped", "/CN=nobody", None)
    with WireClient(server.port, tls=authority.client(stranger)) as client:
        assert client.expect_closed() == ["-ERR 'Authorization Violation'"]


def test_both_kinds_of_clients_where_tls_is_optional(start_server, authority, pair):
    server = start_server(config=block(pair, "timeout: 0.5") + "allow_non_tls: true")
    server.wait_for_log("TLS available for client connections")
    with WireClient(server.port) as plain, WireClient(server.port, tls=authority.client()) as encrypted:
        for client in (plain, encrypted):
            assert client.info["tls_available"] is True
            assert "tls_required" not in client.info
            echo(client)
    with WireClient(server.port, connect=False) as silent:
        time.sleep(1)
        silent.connect()
        assert silent.ping() == []


def test_the_handshake_may_come_before_info(start_server, authority, pair):
    server = start_server(config=block(pair, "handshake_first: true"))
    server.wait_for_log('Clients that are not using "TLS Handshake First" option will fail to connect')
    with WireClient(server.port, tls_first=authority.client()) as client:
        assert client.info["tls_required"] is True
        echo(client)
    with socket.create_connection(("127.0.0.1", server.port)) as s:
        s.settimeout(0.5)
        with pytest.raises(TimeoutError):
            s.recv(1)


@pytest.mark.parametrize("first", ["auto", '"300ms"'])
def test_info_comes_first_for_who_waits_for_it(start_server, authority, pair, first):
    server = start_server(config=block(pair, f"handshake_first: {first}"))
    with WireClient(server.port, tls_first=authority.client()) as client:
        echo(client)
    with WireClient(server.port, tls=authority.client()) as client:
        assert client.info["tls_required"] is True
        echo(client)


def test_a_reload_shows_a_new_certificate_and_keeps_clients(start_server, authority, tmp_path):
    names = [str(tmp_path / name) for name in ("live.pem", "live.key")]
    for source, target in zip(authority.issue("first"), names):
        shutil.copy(source, target)
    server = start_server(config=block(names))

    def subject():
        with WireClient(server.port, tls=authority.client()) as client:
            return dict(pair[0] for pair in client.socket.getpeercert()["subject"])["commonName"]

    assert subject() == "first"
    with WireClient(server.port, tls=authority.client()) as stays:
        for source, target in zip(authority.issue("second"), names):
            shutil.copy(source, target)
        log = server.reload(block(names))
        assert "[INF] Reloaded: tls = enabled" in log
        assert subject() == "second"
        echo(stays)

        with open(names[0], "w", encoding="ascii") as f:
            f.write("no certificate")
        assert server.reload(block(names))[-1].startswith("[ERR] Failed to reload server configuration: ")
        assert subject() == "second"
        echo(stays)


def test_a_reload_switches_tls_on_and_off(start_server, authority, pair):
    server = start_server()
    with WireClient(server.port) as plain:
        plain.ping()
        assert "[INF] Reloaded: tls = enabled" in server.reload(block(pair))
        with WireClient(server.port, tls=authority.client()) as encrypted:
            echo(encrypted)
            assert "[INF] Reloaded: tls = disabled" in server.reload("")
            echo(encrypted)
        with WireClient(server.port) as client:
            assert "tls_required" not in client.info
            echo(client)
        echo(plain)


def test_handshakes_are_limited(start_server, authority, pair):
    server = start_server(config=block(pair, "connection_rate_limit: 2"))
    refused = 0
    for _ in range(4):
        with WireClient(server.port, connect=False) as client:
            try:
                client.start_tls(authority.client())
            except (ssl.SSLError, ConnectionError):
                refused += 1
    assert 1 <= refused <= 2


def test_suites_and_versions_are_those_configured(start_server, authority, pair):
    server = start_server(config=block(pair, 'cipher_suites: ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"]',
                                       'curve_preferences: ["CurveP384"]'))
    with WireClient(server.port, tls=authority.client(version=ssl.TLSVersion.TLSv1_2)) as client:
        assert client.socket.cipher()[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"
    server = start_server(config=block(pair, 'min_version: "1.3"'))
    expect_no_handshake(server.port, authority.client(version=ssl.TLSVersion.TLSv1_2))


def test_flags_ask_for_tls(start_server, authority, pair, tmp_path):
    status, out = run_binary("--tls", "-p", "-1")
    assert status == 1 and "TLS Server certificate must be present and valid" in out
    status, out = run_binary("--tls", "--tlscert", pair[0], "-p", "-1")
    assert status == 1 and "TLS Server private key must be present and valid" in out
    server = start_server()
    server.stop()
    server.flags = ["--tlsverify", "--tlscert", pair[0], "--tlskey", pair[1], "--tlscacert", authority.file]
    server.start()
    with WireClient(server.port, tls=authority.client(authority.issue("flagged"))) as client:
        assert client.info["tls_verify"] is True
        echo(client)
    expect_no_handshake(server.port, authority.client())
