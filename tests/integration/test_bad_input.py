"""Bad input: one clear line that says what and where, and nothing is damaged."""
import json
import os
import socket

import pytest

from harness.server import WEIR, free_port, is_weir, run_binary
from harness.wire_client import WireClient

weir_only = pytest.mark.skipif(not is_weir(WEIR), reason="the reference does otherwise")

UNKNOWN = "-ERR 'Unknown Protocol Operation'"
MALFORMED = [
    # what is sent, what the client is told before it is cut (None: nothing), what the log says
    ("GARBAGE\r\n", UNKNOWN, "Client parser ERROR"),
    ("\0\1\2\3\xff", UNKNOWN, "Client parser ERROR"),
    ("GET / HTTP/1.1\r\n\r\n", UNKNOWN, "Client parser ERROR"),
    ("MSG a 1 2\r\n", UNKNOWN, "Client parser ERROR"),
    ("PUB\r\n", UNKNOWN, "Client parser ERROR"),
    ("UNSUB\r\n", UNKNOWN, "Client parser ERROR"),
    ("\r\n", UNKNOWN, "Client parser ERROR"),
    ("PUB foo 5\r\nhelloXX\r\n", UNKNOWN, "Client parser ERROR"),
    ("PUB a b c d\r\n", None, 'processPub Parse Error: "a b c d"'),
    ("PUB foo -1\r\n", None, 'processPub Bad or Missing Size: "foo -1"'),
    ("PUB foo 99999999999\r\n", None, 'processPub Bad or Missing Size: "foo 99999999999"'),
    ("SUB a b c d\r\n", None, 'processSub Parse Error: "a b c d"'),
    ("HPUB a 10 5\r\n", None, 'processHeaderPub Header Size larger then TotalSize: "a 10 5"'),
    ("CONNECT {bad\r\n", None, "invalid character 'b'"),
    ("PUB foo 104857600\r\n", "-ERR 'Maximum Payload Violation'", "maximum payload exceeded: 104857600 vs 1048576"),
    ("PUB " + "x" * 5000, "-ERR 'maximum control line exceeded'", "maximum control line exceeded"),
]


@pytest.mark.parametrize("data, told, logged", MALFORMED, ids=[repr(m[0][:24]) for m in MALFORMED])
def test_malformed_bytes_cost_only_their_own_connection(server, data, told, logged):
    with WireClient(server.port) as witness, WireClient(server.port) as client:
        witness.send("SUB alive 1\r\n")
        witness.ping(), client.ping()
        before = len(server.log())

        client.send(data.encode("latin-1"))

        assert client.expect_closed() == ([told] if told else [])
        server.wait_for_log(client.name)
        lines = [line for line in server.log()[before:].split("\n") if client.name in line]
        assert len(lines) == 1 and "[ERR]" in lines[0] and logged in lines[0], lines
        witness.send("PUB alive 1\r\nx\r\n")
        assert witness.ping() == [("MSG", "alive", "1", None, b"x")]


def test_who_sent_more_than_was_read_is_told_why_and_reset(server):
    """Java's client tells its user of a broken connection only then."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(b"PUB foo 104857600\r\n" + bytes(3000))
        got = b""
        with pytest.raises(ConnectionResetError):
            while part := client.recv(4096):
                got += part
        assert got.endswith(b"-ERR 'Maximum Payload Violation'\r\n")


def test_a_claim_of_100_mb_takes_no_memory(server):
    before = server.usage()[1]
    for _ in range(20):
        with WireClient(server.port) as client:
            client.send(b"PUB foo 104857600\r\n")
            client.expect_closed()

    assert server.usage()[1] - before < 20e6


@pytest.mark.parametrize("payload", ["", "{", "[]", "7", '{"name": 5}', '{"name":"BAD","subjects":["a..b"]}',
                                     '{"name":"BAD","max_age":"soon"}', '{"name":"O.THER"}', "\0\xff"])
def test_a_malformed_request_to_the_api_gets_an_error(server, payload):
    with WireClient(server.port) as client:
        answer = client.request("$JS.API.STREAM.CREATE.BAD", payload.encode("latin-1"))

        assert answer["error"]["code"] in (400, 500) and answer["error"]["description"], answer
        assert "BAD" not in (client.request("$JS.API.STREAM.NAMES")["streams"] or [])


def complaint(output):
    """The one line that says why the program ended."""
    lines = [line for line in output.split("\n")
             if line.strip() and "[INF]" not in line and "[WRN]" not in line and "[DBG]" not in line]
    assert len(lines) == 1, f"not one line: {output}"
    return lines[0]


def stream_of(client, name="KEEP"):
    return client.request(f"$JS.API.STREAM.INFO.{name}")["state"]["messages"]


def test_a_port_in_use(start_server, tmp_path):
    server = start_server()

    status, output = run_binary("-a", "127.0.0.1", "-p", server.port, "-js", "-sd", tmp_path / "other")

    assert status == 1
    line = complaint(output)
    assert f"127.0.0.1:{server.port}" in line and "address already in use" in line
    with WireClient(server.port) as client:
        assert client.ping() == []


@weir_only
def test_a_second_server_on_the_same_store(start_server):
    server = start_server()
    with WireClient(server.port) as client:
        client.request("$JS.API.STREAM.CREATE.KEEP", {"name": "KEEP", "subjects": ["keep"]})
        client.request("keep", "one")

        status, output = run_binary("-a", "127.0.0.1", "-p", free_port(), "-js", "-sd", server.store)

        assert status == 1
        assert server.store in complaint(output)
        assert client.request("keep", "two")["seq"] == 2
    server.stop()
    server.start()
    with WireClient(server.port) as client:
        assert stream_of(client) == 2


@pytest.mark.parametrize("kind, said", [("no such place", "could not create storage directory - mkdir /proc/weir"),
                                        ("a file", "storage directory is not a directory"),
                                        ("below a file", "storage directory is not a directory")])
def test_a_store_directory_that_cannot_be(tmp_path, kind, said):
    (tmp_path / "file").write_text("not a directory")
    store = {"no such place": "/proc/weir", "a file": tmp_path / "file", "below a file": tmp_path / "file/store"}[kind]

    status, output = run_binary("-a", "127.0.0.1", "-p", free_port(), "-js", "-sd", store)

    assert status == 1
    assert "Can't start JetStream: " + said in complaint(output)
    assert str(store) in complaint(output) or not is_weir(WEIR)
    assert (tmp_path / "file").read_text() == "not a directory"


@pytest.mark.parametrize("text, said", [
    ("listen: 127.0.0.1:-1\nmax_payload: lots\n", ":2:"),
    ("lisen: 4222\n", 'unknown field "lisen"'),
    ("jetstream {\n", "line 2"),
    ("port: 4222\ninclude nowhere.conf\n", "nowhere.conf"),
])
def test_a_configuration_file_with_a_mistake(tmp_path, text, said):
    path = tmp_path / "server.conf"
    path.write_text(text)

    status, output = run_binary("-c", path)

    assert status == 1
    assert said in complaint(output)


def test_a_configuration_file_that_is_not_there(tmp_path):
    status, output = run_binary("-c", tmp_path / "missing.conf")

    assert status == 1
    assert str(tmp_path / "missing.conf") in complaint(output)


def test_an_unusable_port(tmp_path):
    status, output = run_binary("-a", "127.0.0.1", "-p", "99999")

    assert status == 1
    assert "99999" in complaint(output)


@weir_only
def test_a_store_with_a_damaged_file_is_not_made_worse(start_server):
    server = start_server()
    with WireClient(server.port) as client:
        client.request("$JS.API.STREAM.CREATE.KEEP", {"name": "KEEP", "subjects": ["keep"]})
        for n in range(10):
            client.request("keep", str(n))
    server.stop()
    manifests = [os.path.join(where, name) for where, _, names in os.walk(server.store) for name in names
                 if name.startswith("MANIFEST-")]
    assert len(manifests) == 2, "one database in the store, and the second copy of what it cannot do without"
    kept = []
    for path in manifests:
        with open(path, "rb") as f:
            kept.append(f.read())
        with open(path, "wb") as f:
            f.write(b"damaged\n")

    status, output = run_binary("-c", server.config_path)

    assert status == 1
    assert server.store in complaint(output)
    for path, content in zip(manifests, kept):
        with open(path, "wb") as f:
            f.write(content)
    server.start()
    with WireClient(server.port) as client:
        assert stream_of(client) == 10


def test_the_answers_to_bad_requests_are_json_with_a_number(server):
    with WireClient(server.port) as client:
        answer = client.request("$JS.API.STREAM.INFO.NOWHERE")

        assert json.dumps(answer["error"], sort_keys=True) == json.dumps(
            {"code": 404, "err_code": 10059, "description": "stream not found"}, sort_keys=True)
