"""SIGKILL under load, again and again, while four publishers, a work-queue consumer and a purge keep a ledger of what
the server has told them. After every restart the store must agree with the ledger."""
import base64
import json
import random
import threading
import time

import pytest

from harness.stream_reader import read_stream
from harness.wire_client import WireClient

PUBLISHERS = 4
PURGED = 3  # the publisher whose messages are purged now and then


class Worker(threading.Thread):
    """Works on a connection of its own until that ends."""

    def __init__(self, port, work, inbox):
        super().__init__(daemon=True)
        self.client, self.work, self.error = WireClient(port, seconds=5.0), work, None
        self.client.send(f"SUB {inbox}.> 1\r\n")

    def run(self):
        try:
            while True:
                self.work(self.client)
        except OSError:
            pass  # the server is gone
        except AssertionError as error:
            self.error = error

    def end(self):
        self.join(20)
        self.client.close()
        assert self.error is None, self.error


class Ledger:
    def __init__(self):
        self.sent = [0] * PUBLISHERS
        self.acked = {"LOG": {}, "WORK": {}}  # sequence -> text
        self.confirmed = set()  # sequences of WORK whose acknowledgement was answered
        self.fresh = set()      # … since the last check
        self.tried = set()      # … or at least sent
        self.purged_upto = 0    # what a purge that was answered has removed at least
        self.purge_tried = 0    # what any purge may have removed at most
        self.last = {"LOG": 0, "WORK": 0}  # what has been compared already

    def publish(self, number):
        def work(client):
            window = {}
            for _ in range(20):
                self.sent[number] += 1
                text = f"{number}-{self.sent[number]}"
                for stream in ("LOG", "WORK"):
                    reply = f"_INBOX.{number}.{stream}.{self.sent[number]}"
                    client.send(f"PUB {stream}.{number} {reply} {len(text)}\r\n{text}\r\n")
                    window[reply] = (stream, text)
            while window:
                item = client.next()
                stream, text = window.pop(item[1])
                answer = json.loads(item[-1])
                assert "error" not in answer, answer
                assert answer["seq"] not in self.acked[stream], "a sequence was given out twice"
                self.acked[stream][answer["seq"]] = text
        return work

    def consume(self, client):
        body = '{"batch":20,"no_wait":true}'
        client.send(f"PUB $JS.API.CONSUMER.MSG.NEXT.WORK.C _INBOX.w.pull {len(body)}\r\n{body}\r\n")
        waiting, end = set(), False
        while waiting or not end:
            item = client.next()
            if item[1] == "_INBOX.w.pull":
                end = True
            elif item[1].startswith("_INBOX.w.done."):
                seq = int(item[1].split(".")[3])
                waiting.discard(seq)
                self.confirmed.add(seq)
                self.fresh.add(seq)
            else:
                seq = int(item[3].split(".")[5])
                assert seq not in self.confirmed, f"{seq} came again after its acknowledgement was confirmed"
                self.tried.add(seq)
                waiting.add(seq)
                end = end or len(waiting) == 20
                client.send(f"PUB {item[3]} _INBOX.w.done.{seq} 4\r\n+ACK\r\n")
        time.sleep(0.005)

    def purge(self, client):
        def request(subject, body=""):
            client.send(f"PUB {subject} _INBOX.u.x {len(body)}\r\n{body}\r\n")
            return json.loads(client.next()[-1])
        time.sleep(random.uniform(0.02, 0.2))
        last = request("$JS.API.STREAM.INFO.LOG")["state"]["last_seq"]
        self.purge_tried = last + 1_000_000
        answer = request("$JS.API.STREAM.PURGE.LOG", json.dumps({"filter": f"LOG.{PURGED}", "seq": last + 1}))
        assert answer.get("success"), answer
        self.purged_upto = max(self.purged_upto, last)
        self.purge_tried = last

    def workers(self, port):
        load = [Worker(port, self.publish(n), f"_INBOX.{n}") for n in range(PUBLISHERS)]
        return load + [Worker(port, self.consume, "_INBOX.w"), Worker(port, self.purge, "_INBOX.u")]

    # ---- after a restart ----

    @staticmethod
    def left_in(client, stream, seqs):
        """Of these sequences, what a work queue still has."""
        found = {}
        for seq in seqs:
            answer = client.request(f"$JS.API.STREAM.MSG.GET.{stream}", {"seq": seq})
            if "error" in answer:
                assert answer["error"]["err_code"] == 10037, answer
            else:
                found[seq] = base64.b64decode(answer["message"]["data"]).decode()
        return found

    def check(self, client):
        for stream in ("LOG", "WORK"):
            state = client.request(f"$JS.API.STREAM.INFO.{stream}")["state"]
            assert "lost" not in state
            acked = self.acked[stream]
            assert state["last_seq"] >= max(acked, default=0), "the last sequence went back"
            begin = self.last[stream] + 1
            if stream == "LOG":
                found = read_stream(client, stream, begin)
            else:
                found = self.left_in(client, stream, range(begin, state["last_seq"] + 1))
            numbers = {}
            for seq, text in found.items():
                publisher, number = (int(part) for part in text.split("-"))
                assert number <= self.sent[publisher], f"a phantom: {text}"
                assert numbers.get(publisher, 0) < number, f"{text} is out of order"
                numbers[publisher] = number
                assert acked.get(seq, text) == text, f"{seq} holds {text}, acknowledged was {acked[seq]}"
            for seq, text in acked.items():
                if seq in found or seq < begin:
                    continue
                if stream == "LOG":
                    assert text.startswith(f"{PURGED}-") and seq <= self.purge_tried, f"LOG: {seq} ({text}) is lost"
                else:
                    assert seq in self.tried, f"WORK: {seq} ({text}) is lost"
            if stream == "LOG":
                assert not [s for s, t in found.items() if t.startswith(f"{PURGED}-") and s <= self.purged_upto]
            else:
                assert not self.left_in(client, stream, self.fresh), "an acknowledged message is back"
                self.fresh.clear()
            self.last[stream] = state["last_seq"]


def run(server, kills):
    ledger = Ledger()
    with WireClient(server.port) as client:
        for config in ({"name": "LOG", "subjects": ["LOG.*"]},
                       {"name": "WORK", "subjects": ["WORK.*"], "retention": "workqueue"}):
            made = client.request(f"$JS.API.STREAM.CREATE.{config['name']}", config)
            assert "error" not in made, made
        made = client.request("$JS.API.CONSUMER.DURABLE.CREATE.WORK.C", {
            "stream_name": "WORK", "config": {"durable_name": "C", "ack_policy": "explicit", "ack_wait": 10**9}})
        assert "error" not in made, made
    for _ in range(kills):
        workers = ledger.workers(server.port)
        for worker in workers:
            worker.start()
        time.sleep(random.uniform(0.05, 0.4))
        server.kill()
        for worker in workers:
            worker.end()
        server.start()
        with WireClient(server.port, seconds=20.0) as client:
            ledger.check(client)
    return sum(len(acked) for acked in ledger.acked.values())


def test_the_ledger_agrees_after_a_few_kills(start_server):
    assert run(start_server(), 4) > 100


@pytest.mark.long
def test_the_ledger_agrees_after_a_hundred_kills(start_server):
    print(run(start_server(), 100), "messages acknowledged")
