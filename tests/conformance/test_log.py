"""The log of a whole session with -DV: line by line what the reference says, in its order."""
import re
import time

import pytest

from harness.launch import Launched
from harness.server import PEER, WEIR, is_weir
from harness.wire_client import WireClient

CONFIG = """
server_name: S
accounts {
  A { users: [ { user: a, password: a, permissions { publish: "ok.>", subscribe: ["ok.>", "_INBOX.>"] } } ] }
  B { users: [ { user: b, password: b } ] }
}
max_payload: 1000
"""


def talk(port):
    """Says one thing at a time, so that the order of the lines is no accident."""
    def turn(client, line, answers=0):
        client.send(line)
        for _ in range(answers):
            client.next()
        time.sleep(0.05)

    with WireClient(port, user="a", name="n1", lang="go", version="1.40", **{"pass": "a"}) as client:
        turn(client, "PING\r\n", 1)
        turn(client, "SUB ok.1 1\r\n")
        turn(client, "PUB ok.1 5\r\nhello\r\n", 1)
        turn(client, "PUB ok.1 reply 0\r\n\r\n", 1)
        turn(client, "HPUB ok.1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n", 1)
        turn(client, "SUB bad.1 2\r\n", 1)
        turn(client, "PUB bad.1 1\r\na\r\n", 1)
        turn(client, "UNSUB 1\r\n")
        turn(client, "SUB ok.2 q 3\r\n")
        turn(client, "UNSUB 3 5\r\n")
    time.sleep(0.1)
    with WireClient(port, user="a", **{"pass": "wrong"}) as client:
        client.next()
    time.sleep(0.1)


# Lines about what only one of the two has: its make, its version, its system account's own traffic.
OWN = re.compile(r"\[(?:INF|DBG)\]   (?:Version|Weir|Git|Go build|ID): |system account|SYSTEM - |ACCOUNT - "
                 r"|accept loop|\[INF\]   ID:|Created system account")


def lines_of(binary, directory):
    path = directory / "server.conf"
    path.write_text(CONFIG)
    with Launched(directory, ["-a", "127.0.0.1", "-p", "-1", "-DV", "-c", "server.conf"], binary) as server:
        port = int(server.wait_for(r"client connections on .*:(\d+)").group(1))
        server.wait_for("Server is ready")
        talk(port)
        assert server.end() == 0
        lines = server.lines
    shape = re.compile(r"^\[\d+\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6} (\[[A-Z]{3}\] .*)$")
    assert all(shape.match(line) for line in lines), lines
    lines = [shape.match(line).group(1) for line in lines]
    lines = [re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", line) for line in lines if not OWN.search(line)]
    return [re.sub(r"cid:\d+", "cid:N", line) for line in lines]


@pytest.mark.skipif(not is_weir(WEIR), reason="compares Weir with the peer")
def test_a_session_is_logged_as_the_reference_logs_it(tmp_path):
    theirs, ours = [], []
    for name, binary, lines in (("theirs", PEER, theirs), ("ours", WEIR, ours)):
        (tmp_path / name).mkdir()
        lines += lines_of(binary, tmp_path / name)
    # When a connection ends, its subscriptions go before the line that says so here, behind it there.
    assert [line for line in ours if "DELSUB 3" not in line] == [line for line in theirs if "DELSUB 3" not in line]
