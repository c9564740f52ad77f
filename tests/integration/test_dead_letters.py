"""Dead letters through the real server: nothing that a consumer gave up is lost, not even by SIGKILL."""
import base64
import json
import re
import time

from harness.wire_client import WireClient

MESSAGES = 300


def good(client, subject, **body):
    answer = client.request(subject, body or "")
    assert "error" not in answer, answer
    return answer


def make_streams(client):
    good(client, "$JS.API.STREAM.CREATE.WORK", name="WORK", subjects=["work"])
    good(client, "$JS.API.STREAM.CREATE.DEAD", name="DEAD", subjects=["dead"])
    good(client, "$JS.API.CONSUMER.DURABLE.CREATE.WORK.C", stream_name="WORK", config={
        "durable_name": "C", "ack_policy": "explicit", "max_deliver": 1, "ack_wait": 300_000_000,
        "metadata": {"weir.dead_letter": "dead"}})
    for n in range(MESSAGES):
        client.send(f"PUB work 3\r\n{n:03}\r\n")
    client.ping()


def pull_all(client):
    request = json.dumps({"batch": MESSAGES, "expires": 5_000_000_000})
    client.send(f"SUB pulled 7\r\nPUB $JS.API.CONSUMER.MSG.NEXT.WORK.C pulled {len(request)}\r\n{request}\r\n")
    return [client.next() for _ in range(MESSAGES)]


def floor(client):
    return good(client, "$JS.API.CONSUMER.INFO.WORK.C")["ack_floor"]["stream_seq"]


def letters(client):
    """The sequences that the letters name, in order."""
    state = good(client, "$JS.API.STREAM.INFO.DEAD")["state"]
    found = []
    for seq in range(1, state["last_seq"] + 1):
        message = good(client, "$JS.API.STREAM.MSG.GET.DEAD", seq=seq)["message"]
        headers = base64.b64decode(message["hdrs"]).decode()
        found.append(int(re.search(r"Weir-Dead-Letter-Sequence: (\d+)\r\n", headers).group(1)))
    return found


def test_after_a_kill_whatever_is_below_the_floor_has_a_letter(start_server):
    server = start_server()
    with WireClient(server.port, seconds=20) as client:
        make_streams(client)
        pull_all(client)
        time.sleep(0.31)  # the deadlines pass while the letters are on their way
    server.kill()
    server.start()
    with WireClient(server.port, seconds=20) as client:
        reached = floor(client)
        assert set(range(1, reached + 1)) <= set(letters(client)), "the floor moves behind the letter"
        deadline = time.monotonic() + 30
        while floor(client) < MESSAGES:
            assert time.monotonic() < deadline, good(client, "$JS.API.CONSUMER.INFO.WORK.C")
            time.sleep(0.05)
        assert sorted(letters(client)) == list(range(1, MESSAGES + 1)), "each once: they carry message ids"


def test_a_terminated_message_is_answered_when_its_letter_is_stored(start_server):
    server = start_server()
    with WireClient(server.port, seconds=20) as client:
        make_streams(client)
        ack = pull_all(client)[0][3]
        client.send(f"SUB answer 8\r\nPUB {ack} answer 13\r\n+TERM no good\r\n")
        assert client.next()[1] == "answer"
    server.kill()
    server.start()
    with WireClient(server.port, seconds=20) as client:
        message = good(client, "$JS.API.STREAM.MSG.GET.DEAD", seq=1)["message"]
        assert message["subject"] == "dead"
        assert floor(client) >= 1
